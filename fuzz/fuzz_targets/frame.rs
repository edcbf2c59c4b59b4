//! Any message through both frame decoders.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_protocol::frame::{OutgoingRequest, decode_request, decode_server_frame};

fuzz_target!(|data: &[u8]| {
    let Ok(message) = std::str::from_utf8(data) else { return };
    let _ = decode_server_frame(message);
    let Ok(frame) = decode_request(message) else { return };
    // What was read can be written and read again.
    let text = serde_json::to_string(&OutgoingRequest::new(&frame.id, &frame.method, frame.params))
        .expect("a frame of plain data always serialises");
    let again = decode_request(&text).expect("what we write we read");
    assert_eq!((again.id, again.method), (frame.id, frame.method));
});
