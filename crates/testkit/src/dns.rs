//! A name server that knows one zone, on a port of its own.

use std::{collections::BTreeMap, io, net::SocketAddr};

use hickory_resolver::proto::{
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{LowerName, Name, Record, RecordType, RrKey},
    serialize::txt::Parser,
};
use openclaw_base::Tasks;
use tokio::net::UdpSocket;

/// Answers over UDP until it is dropped.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    tasks: Tasks,
}

impl DnsServer {
    /// Serves the text of a zone file.
    ///
    /// # Panics
    /// When the text is no zone, or no port can be had.
    pub async fn start(zone: &str, text: &str) -> Self {
        let origin = Name::from_ascii(format!("{}.", zone.trim_end_matches('.'))).expect("a name");
        let (_, sets) = Parser::new(text.to_owned(), None, Some(origin)).parse().expect("a zone");
        let records: BTreeMap<RrKey, Vec<Record>> = sets
            .into_iter()
            .map(|(key, set)| (key, set.records_without_rrsigs().cloned().collect()))
            .collect();
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("its number");
        let tasks = Tasks::new();
        let stop = tasks.token();
        drop(tasks.spawn("name server", async move {
            stop.run_until_cancelled(serve(&socket, &records)).await;
        }));
        Self { address, tasks }
    }

    /// Where it answers.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

async fn serve(socket: &UdpSocket, records: &BTreeMap<RrKey, Vec<Record>>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await?;
        let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
        if let Ok(answer) = answer(&query, records).to_vec() {
            socket.send_to(&answer, from).await?;
        }
    }
}

fn answer(query: &Message, records: &BTreeMap<RrKey, Vec<Record>>) -> Message {
    let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    answer.metadata.authoritative = true;
    let Some(question) = query.queries.first() else { return answer };
    answer.add_query(question.clone());
    let name = LowerName::from(question.name());
    let known = |kind: RecordType| records.get(&RrKey::new(name.clone(), kind));
    match known(question.query_type()) {
        Some(found) => {
            answer.add_answers(found.iter().cloned());
        }
        None if records.keys().any(|key| key.name == name) => {}
        None => answer.metadata.response_code = ResponseCode::NXDomain,
    }
    answer
}
