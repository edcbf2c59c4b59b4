//! TLS: `openssl` and our own command line against a real Gateway, certificates that are wrong in each
//! way there is, and somebody in the middle.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use openclaw_testkit::network::Wire;
use openclaw_testkit::squatter::Squatter;
use openclaw_testkit::tls_relay::TlsRelay;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustix::process::Signal;
use serde_json::Value;

use crate::machine::{Gateway, Machine, PATIENCE, read_until, send, shown};
use crate::terminal::Screen;

const TLS: &str = "{ gateway: { tls: { enabled: true } } }";

/// A server that speaks TLS, with what a client has to know.
struct Server {
    machine: Machine,
    gateway: Gateway,
    token: String,
}

impl Server {
    fn start(configuration: &str) -> Self {
        let machine = Machine::new();
        machine.configure(configuration);
        let gateway = machine.gateway(&["--port", "0"]);
        let token = machine.token();
        Self { machine, gateway, token }
    }

    fn url(&self) -> String {
        format!("wss://127.0.0.1:{}", self.gateway.port)
    }

    fn fingerprint(&self) -> String {
        let report = self.machine.json(&["gateway", "tls", "fingerprint"]);
        report["certificate"]["fingerprint"].as_str().unwrap().to_owned()
    }

    /// The outcome of `health` at an address, with the token.
    fn health(&self, client: &Machine, url: &str, more: &[&str]) -> (i32, String) {
        let args = ["health", "--url", url, "--token", &self.token];
        let args: Vec<&str> = args.into_iter().chain(more.iter().copied()).collect();
        let output = client.run(&args);
        (output.status.code().unwrap(), shown(&output))
    }
}

/// Asks with `openssl`, and gives all that it says.
fn openssl(port: u16, more: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).args(more);
    let output = command.stdin(Stdio::null()).output().unwrap();
    format!("{}{}", shown(&output), output.status)
}

/// An authority, and certificates that it signed.
struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "authority of a test");
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A configuration with a certificate for `name` that is valid until the end of `year`.
    fn configuration(&self, name: &str, year: i32) -> String {
        let (cert, key) = self.write("leaf", name, year);
        format!(
            "{{ gateway: {{ tls: {{ enabled: true, certPath: '{}', keyPath: '{}' }} }} }}",
            cert.display(),
            key.display()
        )
    }

    fn write(&self, file: &str, name: &str, year: i32) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 12, 31);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = |end: &str| self.folder.path().join(format!("{file}.{end}"));
        replace(&path("key"), &key.serialize_pem());
        replace(&path("pem"), &certificate.pem());
        (path("pem"), path("key"))
    }
}

fn replace(path: &Path, text: &str) {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap()).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.persist(path).unwrap();
}

#[test]
fn openssl_sees_the_certificate_that_the_command_prints() {
    let server = Server::start(TLS);
    let port = server.gateway.port;
    let said = openssl(port, &["-showcerts"]);
    assert!(said.contains("CN = OpenClaw Gateway"), "{said}");
    let mut digest = Command::new("openssl");
    digest.args(["x509", "-noout", "-fingerprint", "-sha256"]);
    let mut digest = digest.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    digest.stdin.take().unwrap().write_all(said.as_bytes()).unwrap();
    let printed = String::from_utf8(digest.wait_with_output().unwrap().stdout).unwrap();
    let shown = server.machine.text(&["gateway", "tls", "fingerprint"]);
    let pairs = printed.trim().split('=').nth(1).unwrap();
    assert!(shown.contains(pairs), "{shown}\n{printed}");
    assert!(server.gateway.said.contains(pairs), "{}", server.gateway.said);
    let status = server.machine.text(&["gateway", "status"]);
    assert!(status.contains(pairs), "{status}");
    let status = server.machine.json(&["gateway", "status"]);
    let print = status["gateway"]["certificate"]["fingerprint"].as_str().unwrap();
    assert_eq!(print, server.fingerprint());

    assert!(openssl(port, &["-tls1_2"]).contains("TLSv1.2"), "1.2 is spoken");
    assert!(openssl(port, &["-tls1_3"]).contains("TLSv1.3"), "1.3 is spoken");
    let old = openssl(port, &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);
    assert!(old.contains("SSL alert number") && old.contains("exit status: 1"), "{old}");
    // On loopback, programs that know only ws:// go on working.
    let (code, said) = server.health(&Machine::new(), &server.gateway.url(), &[]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn the_first_contact_needs_a_word_and_later_ones_the_identity_alone() {
    let server = Server::start(TLS);
    let (url, client) = (server.url(), Machine::new());
    let (code, said) = server.health(&client, &url, &[]);
    assert_eq!(code, 9, "{said}");
    assert!(said.contains("proves nothing") && said.contains("--tls-fingerprint"), "{said}");
    let other = "00".repeat(32);
    let (code, said) = server.health(&client, &url, &["--tls-fingerprint", &other]);
    assert!(code == 9 && said.contains("another certificate"), "{code} {said}");
    let (code, said) = server.health(&client, &url, &["--tls-fingerprint", &server.fingerprint()]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(server.health(&client, &url, &[]).0, 0, "the identity is known now");

    // A new certificate for the same identity is nobody's business, and needs no restart.
    let before = server.fingerprint();
    let follow = ["sessions", "show", "main", "--follow", "--url", &url, "--token", &server.token];
    let mut command = client.command(&follow);
    let mut open = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = open.stdout.take().unwrap();
    server.machine.text(&["agent", "--message", "word-1."]);
    read_until(&mut stdout, "word-1.");
    let authority = Authority::new();
    let (cert, key) = authority.write("new", "localhost", 2090);
    let folder = server.machine.state().join("tls");
    replace(&folder.join("key.pem"), &std::fs::read_to_string(key).unwrap());
    replace(&folder.join("cert.pem"), &std::fs::read_to_string(cert).unwrap());
    let started = Instant::now();
    while openssl(server.gateway.port, &[]).contains("CN = OpenClaw Gateway") {
        assert!(started.elapsed() < PATIENCE, "the new certificate is not taken up");
    }
    assert_ne!(server.fingerprint(), before);
    let (code, said) = server.health(&client, &url, &[]);
    assert_eq!(code, 0, "{said}");
    server.machine.text(&["agent", "--message", "word-2."]);
    read_until(&mut stdout, "word-2.");
    send(&open, Signal::INT);
    let open = open.wait_with_output().unwrap();
    assert!(!shown(&open).contains("dialling again"), "it stayed open: {}", shown(&open));

    // Another identity behind the same certificate is another Gateway.
    let port = server.gateway.port.to_string();
    assert_eq!(server.gateway.end(Signal::TERM).code, Some(0));
    std::fs::remove_file(server.machine.state().join("identity/gateway.json")).unwrap();
    let _swapped = server.machine.gateway(&["--port", &port]);
    let args = ["health", "--url", &url, "--token", &server.token];
    let output = client.run(&args);
    assert_eq!(output.status.code(), Some(9), "{}", shown(&output));
    assert!(shown(&output).contains("shows another key"), "{}", shown(&output));
}

#[test]
fn a_certificate_that_is_wrong_says_how() {
    let authority = Authority::new();
    let trusting =
        || Machine::new().with_env("SSL_CERT_FILE", authority.root().display().to_string());
    for (name, year, words) in [
        ("localhost", 2021, "it has expired"),
        ("elsewhere.example", 2090, "it is not for localhost"),
    ] {
        let server = Server::start(&authority.configuration(name, year));
        let url = format!("wss://localhost:{}", server.gateway.port);
        let (code, said) = server.health(&trusting(), &url, &[]);
        assert!(code == 9 && said.contains(words), "{words}: {code} {said}");
    }
    let server = Server::start(&authority.configuration("localhost", 2090));
    let url = format!("wss://localhost:{}", server.gateway.port);
    let (code, said) = server.health(&trusting(), &url, &[]);
    assert_eq!(code, 0, "the system vouches for it: {said}");
    let (code, said) = server.health(&Machine::new(), &url, &[]);
    assert!(code == 9 && said.contains("nobody this system trusts"), "{code} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_in_the_middle_is_noticed() {
    let server = Server::start(TLS);
    let relay = TlsRelay::start(server.gateway.port, true).await;
    let downgrade = TlsRelay::start(server.gateway.port, false).await;
    let client = Machine::new();
    let at = |port: u16| format!("wss://127.0.0.1:{port}");
    // Its certificate is vouched for by nobody; were it accepted, the proof inside still would not hold.
    let (code, said) = server.health(&client, &at(relay.port()), &[]);
    assert_eq!(code, 9, "{said}");
    let theirs = said.split("--tls-fingerprint ").nth(1);
    assert!(theirs.is_none(), "the proof is looked at first: {said}");
    assert!(said.contains("offers a proof that does not hold"), "{said}");
    let (code, said) = server.health(&client, &at(downgrade.port()), &[]);
    assert!(code == 9 && said.contains("proves nothing"), "{code} {said}");

    // The same where the Gateway is known already.
    let laptop = Machine::new();
    let print = server.fingerprint();
    let (code, said) = server.health(&laptop, &server.url(), &["--tls-fingerprint", &print]);
    assert_eq!(code, 0, "{said}");
    let saved = laptop.state().join("clients");
    for (port, words) in [
        (relay.port(), "offers a proof that does not hold"),
        (downgrade.port(), "proves nothing: nobody this system trusts vouches for it"),
    ] {
        // What was learnt at the Gateway's own address is what is known of the relay's.
        let file = std::fs::read_dir(&saved).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let moved = laptop_with(&text.replace(&server.url(), &at(port)), &at(port));
        let (code, said) = server.health(&moved, &at(port), &[]);
        assert!(code == 9 && said.contains(words), "{code} {said}");
    }
}

/// A machine that knows a Gateway at this address already.
fn laptop_with(saved: &str, url: &str) -> Machine {
    use openclaw_client::{SavedFile, Target};
    let machine = Machine::new();
    let file = SavedFile::of(&machine.state().join("clients"), &Target::Url(url.to_owned()));
    std::fs::create_dir_all(file.path().parent().unwrap()).unwrap();
    std::fs::write(file.path(), saved).unwrap();
    machine
}

#[test]
fn another_machine_gets_in_with_tls_and_a_word_and_approval_only() {
    let wire = Wire::lay().unwrap();
    let server = Machine::new().behind(wire.far().prefix());
    server.configure("{ gateway: { bind: 'lan' } }");
    let gateway = server.gateway(&["--port", "0"]);
    let (token, port) = (server.token(), gateway.port);
    assert!(gateway.said.contains("other machines with TLS"), "{}", gateway.said);
    let laptop = Machine::new().behind(wire.near().prefix());
    let address = wire.far().address();
    let health = |url: &str, more: &[&str]| {
        let args = ["health", "--url", url, "--token", &token];
        let output = laptop.run(&args.into_iter().chain(more.iter().copied()).collect::<Vec<_>>());
        (output.status.code().unwrap(), shown(&output))
    };
    let (code, said) = health(&format!("ws://{address}:{port}"), &[]);
    assert!(code == 2 && said.contains("wss://"), "{code} {said}");
    // Who speaks plainly all the same is told what is spoken.
    let mut plain = wire.near().command("/bin/bash");
    let ask = format!(
        "exec 3<>/dev/tcp/{address}/{port}; printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&3; cat <&3"
    );
    let said = shown(&plain.args(["-c", &ask]).output().unwrap());
    assert!(said.contains("400 Bad Request") && said.contains("tls_required"), "{said}");

    let url = format!("wss://{address}:{port}");
    let (code, said) = health(&url, &[]);
    assert!(code == 9 && said.contains("--tls-fingerprint"), "{code} {said}");
    let report = server.json(&["gateway", "tls", "fingerprint"]);
    let print = report["certificate"]["fingerprint"].as_str().unwrap();
    let (code, said) = health(&url, &["--tls-fingerprint", print]);
    assert_eq!(code, 7, "the token alone pairs nobody from afar: {said}");
    let pending: Value = server.json(&["devices", "list"]);
    let id = pending["pending"][0]["requestId"].as_str().unwrap();
    server.text(&["devices", "approve", id]);
    let (code, said) = health(&url, &["--tls-fingerprint", print]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(health(&url, &[]).0, 0, "its identity is known from now on");
    server.text(&["health"]);
    // A name that leads there does as well as the address.
    let names = Names::new(&format!("{address} server.test\n"));
    let other = Machine::new().behind(names.known_to(wire.near().prefix()));
    let named = format!("wss://server.test:{port}");
    let health = ["health", "--url", &named, "--token", &token, "--tls-fingerprint", print];
    let output = other.run(&health);
    assert_eq!(output.status.code(), Some(7), "{}", shown(&output));
}

/// A file of names, in place of the system's.
struct Names(tempfile::NamedTempFile);

impl Names {
    fn new(text: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Self(file)
    }

    /// The words before a program for which these names lead somewhere.
    fn known_to(&self, prefix: Vec<OsString>) -> Vec<OsString> {
        let file = self.0.path().display();
        let script = format!("mount --bind '{file}' /etc/hosts && exec \"$@\"");
        let words = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", &script, "sh"];
        prefix.into_iter().chain(words.map(Into::into)).collect()
    }
}

#[test]
fn a_person_is_shown_identity_and_certificate_and_asked() {
    let server = Server::start(TLS);
    let (url, client) = (server.url(), Machine::new());
    let report = server.machine.json(&["gateway", "tls", "fingerprint"]);
    let identity = &report["gatewayId"].as_str().unwrap()[..8];
    let certificate = server.machine.text(&["gateway", "tls", "fingerprint"]);
    let pairs = certificate.split_whitespace().find(|word| word.len() == 32 * 3 - 1).unwrap();
    let health = ["health", "--url", &url, "--token", &server.token];
    let answer = |key: &[u8]| {
        let mut screen = Screen::run(client.command(&health));
        let asked = read_until(&mut screen.person, "Is this your Gateway?");
        assert!(asked.contains(identity) && asked.contains(pairs), "{asked}");
        screen.person.write_all(key).unwrap();
        screen.end()
    };
    // Whoever says no, or only presses the key that is nearest, trusts nobody.
    for key in [b"n", b"\r"] {
        let (shown, code) = answer(key);
        assert!(code == 9 && shown.contains("--tls-fingerprint"), "{code} {shown}");
    }
    let (shown, code) = answer(b"y");
    assert_eq!(code, 0, "{shown}");
    // The identity is known from now on, to scripts too.
    client.text(&health);
}

#[test]
fn a_certificate_of_the_client_is_asked_for_where_an_authority_is_named() {
    let (ours, others) = (Authority::new(), Authority::new());
    let authority = ours.root();
    let configuration =
        format!("{{ gateway: {{ tls: {{ enabled: true, caPath: '{}' }} }} }}", authority.display());
    let server = Server::start(&configuration);
    let ask = |version: &str, shown: Option<&(PathBuf, PathBuf)>| {
        let mut command = Command::new("openssl");
        let address = format!("127.0.0.1:{}", server.gateway.port);
        command.args(["s_client", "-quiet", version, "-connect", &address]);
        if let Some((cert, key)) = shown {
            command.arg("-cert").arg(cert).arg("-key").arg(key);
        }
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut asking = piped.spawn().unwrap();
        let mut stdin = asking.stdin.take().unwrap();
        // Where it was refused already, nobody reads this.
        stdin
            .write_all(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            .ok();
        crate::machine::shown(&asking.wait_with_output().unwrap())
    };
    let (good, bad) = (ours.write("me", "me", 2090), others.write("me", "me", 2090));
    for version in ["-tls1_2", "-tls1_3"] {
        let said = ask(version, Some(&good));
        assert!(said.contains("HTTP/1.1 200"), "{version}: {said}");
        for wrong in [None, Some(&bad)] {
            let said = ask(version, wrong);
            assert!(said.contains("alert") && !said.contains("HTTP/1.1"), "{version}: {said}");
        }
    }
    // The owner's door asks for none.
    server.machine.text(&["health"]);
}

#[test]
fn plain_is_decided_by_the_address_a_name_leads_to() {
    let wire = Wire::lay().unwrap();
    let server = Machine::new().behind(wire.far().prefix());
    // A name is served only where it is configured.
    server.configure(
        "{ gateway: { bind: 'lan', tls: { enabled: false }, \
           publicOrigin: 'https://private.test' } }",
    );
    let gateway = server.gateway(&["--port", "0"]);
    let (token, port) = (server.token(), gateway.port);
    let private = wire.far().address();
    let names = Names::new(&format!(
        "{private} private.test\n203.0.113.5 public.test\n203.0.113.5 localhost.test\n"
    ));
    let laptop = || Machine::new().behind(names.known_to(wire.near().prefix()));
    let (strict, lenient) =
        (laptop(), laptop().with_env("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS", "1"));
    let health = |machine: &Machine, name: &str| {
        let url = format!("ws://{name}:{port}");
        let output = machine.run(&["health", "--url", &url, "--token", &token]);
        (output.status.code().unwrap(), shown(&output))
    };
    for (machine, name) in [
        (&strict, "private.test"),
        (&strict, "public.test"),
        (&lenient, "public.test"),
        // What a name looks like says nothing.
        (&lenient, "localhost.test"),
    ] {
        let (code, said) = health(machine, name);
        assert!(code == 2 && said.contains("can be read on its way"), "{name}: {code} {said}");
    }
    let (code, said) = health(&lenient, "private.test");
    assert_eq!(code, 7, "it was reached, and pairs nobody for a token alone: {said}");
}

#[test]
fn a_bind_that_others_reach_is_refused_without_a_secret_that_holds() {
    let refused = |configuration: &str, words: &[&str]| {
        let machine = Machine::new();
        machine.configure(configuration);
        let output = machine.run(&["gateway", "run", "--port", "0"]);
        assert_eq!(output.status.code(), Some(78), "{configuration}: {}", shown(&output));
        for word in words {
            assert!(shown(&output).contains(word), "{configuration}: {}", shown(&output));
        }
    };
    refused(
        "{ gateway: { bind: 'lan', auth: { mode: 'none' } } }",
        &["auth.mode is \"none\"", "config set gateway.auth.mode token"],
    );
    refused(
        "{ gateway: { bind: 'lan', auth: { token: 'short-one' } } }",
        &["fewer than 24 characters", "config set gateway.auth.token"],
    );
    refused(
        "{ gateway: { bind: 'lan', auth: { password: 'changeme' } } }",
        &["blank or a placeholder", "config set gateway.auth.password"],
    );
    refused("{ gateway: { bind: 'custom' } }", &["customBindHost"]);
    let broken =
        "{ gateway: { bind: 'lan', tls: { certPath: '/nowhere/a', keyPath: '/nowhere/b' } } }";
    let machine = Machine::new();
    machine.configure(broken);
    let output = machine.run(&["gateway", "run", "--port", "0"]);
    assert_ne!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(shown(&output).contains("/nowhere/a"), "{}", shown(&output));
    // An address that this machine does not have is not replaced by a wider one.
    let machine = Machine::new();
    machine.configure("{ gateway: { bind: 'custom', customBindHost: '192.0.2.1' } }");
    let output = machine.run(&["gateway", "run", "--port", "0"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("cannot listen on 192.0.2.1"), "{}", shown(&output));
}

#[test]
fn the_configuration_may_name_the_certificate() {
    let server = Server::start(TLS);
    let (url, token, print) = (server.url(), &server.token, server.fingerprint());
    let laptop = |print: &str| {
        let machine = Machine::new();
        machine.configure(&format!(
            "{{ gateway: {{ mode: 'remote', remote: {{ url: '{url}', token: '{token}', \
               tlsFingerprint: '{print}' }} }} }}"
        ));
        machine
    };
    laptop(&print).text(&["health"]);
    let output = laptop(&"0a".repeat(32)).run(&["health"]);
    let said = shown(&output);
    assert_eq!(output.status.code(), Some(9), "{said}");
    // Both are named, as programs show them.
    assert!(said.contains("0A:0A:0A") && said.contains(&print[..2].to_uppercase()), "{said}");
    // It belongs to that address, and to no other.
    let other = format!("wss://localhost:{}", server.gateway.port);
    let output = laptop(&print).run(&["health", "--url", &other, "--token", token]);
    assert_eq!(output.status.code(), Some(9), "{}", shown(&output));
}

/// The certificate that a refusal names.
fn named_in(said: &str) -> &str {
    said.split("--tls-fingerprint ").nth(1).unwrap().split_whitespace().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_proves_nothing_hears_a_secret_only_behind_a_certificate_that_was_named() {
    let squatter = Squatter::start(None).await;
    let relay = TlsRelay::start(squatter.port(), false).await;
    let url = format!("wss://127.0.0.1:{}", relay.port());
    let (client, secret) = (Machine::new(), "a-token-for-nobody-else-to-hear");
    let heard = || squatter.heard().iter().any(|said| said.contains(secret));
    let health = ["health", "--url", &url, "--token", secret];
    let output = client.run(&health);
    let said = shown(&output);
    assert_eq!(output.status.code(), Some(9), "{said}");
    assert!(!squatter.heard().is_empty() && !heard(), "{:?}", squatter.heard());

    let named: Vec<&str> =
        health.into_iter().chain(["--tls-fingerprint", named_in(&said)]).collect();
    let mut command = client.command(&named);
    let mut waiting = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !heard() && started.elapsed() < PATIENCE {
        tokio::task::yield_now().await;
    }
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    assert!(heard(), "it is taken for the original's: {:?}", squatter.heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_keeps_a_certificate_only_where_no_proof_is_tied_to_the_connection() {
    let server = Server::start(TLS);
    let proxy = TlsRelay::start(server.gateway.port, false).await;
    let proxied = format!("wss://127.0.0.1:{}", proxy.port());
    let (direct, client) = (server.url(), Machine::new());
    let (_, said) = server.health(&client, &proxied, &[]);
    for (name, url, print, kept) in [
        ("direct", &direct, server.fingerprint().as_str(), false),
        ("proxied", &proxied, named_in(&said), true),
    ] {
        let words = ["--name", name, "--token", &server.token, "--tls-fingerprint", print];
        client.text(&[&["remote", "add", url][..], &words].concat());
        let shown = client.text(&["remote", "show", name]);
        assert_eq!(shown.contains("Certificate"), kept, "{shown}");
        client.text(&["health", "--gateway", name]);
    }
}

#[test]
fn auto_is_wider_than_loopback_only_where_there_is_none_and_only_with_tls_and_a_secret() {
    let bare = ["unshare", "--net"].map(OsString::from).into();
    let machine = Machine::new().behind(bare).with_env("PATH", "/usr/bin:/bin");
    let start = ["gateway", "run", "--port", "0", "--bind", "auto"];
    let refused = |machine: &Machine, more: &[&str]| {
        let args: Vec<&str> = start.iter().chain(more).copied().collect();
        machine.code(&args)
    };
    assert_eq!(refused(&machine, &["--auth", "none"]), 78);
    assert_eq!(refused(&machine, &["--token", "short"]), 78);
    machine.configure("{ gateway: { tls: { enabled: false } } }");
    assert_eq!(refused(&machine, &[]), 78);
    machine.configure("{}");
    let gateway = machine.gateway(&start[2..]);
    assert!(gateway.said.contains("0.0.0.0:"), "{}", gateway.said);
    assert!(gateway.said.contains("other machines with TLS"), "{}", gateway.said);
    drop(gateway);
    let usual = Machine::new();
    let gateway = usual.gateway(&start[2..]);
    assert!(gateway.said.contains("this machine only"), "{}", gateway.said);
}
