//! A Gateway under a service manager: what it is told, and sockets that it does not own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::machine::{Machine, OPENCLAW, PATIENCE, shown};

/// Where Debian has it.
pub(crate) const SOCKET_ACTIVATE: &str = "/usr/bin/systemd-socket-activate";

/// Hears what is told, until it is the text that is wanted.
fn hear(socket: &UnixDatagram, wanted: &str) -> String {
    let mut buffer = [0; 4096];
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let count = socket.recv(&mut buffer).unwrap();
        let told = String::from_utf8_lossy(&buffer[..count]).into_owned();
        if told.contains(wanted) {
            return told;
        }
    }
    panic!("{wanted} was never told");
}

#[test]
fn the_manager_hears_ready_alive_and_stopping() {
    let machine = Machine::new();
    let path = machine.home().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = machine.command(&["gateway", "run", "--port", "0"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "600000");
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let ready = hear(&socket, "READY=1");
    assert!(ready.contains("STATUS=listens on port "), "{ready}");
    // It is ready when it says so, not later.
    machine.text(&["health"]);
    for _ in 0..3 {
        hear(&socket, "WATCHDOG=1");
    }
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
    // Stopped like a process that hangs, it says nothing.
    kill_process(pid, Signal::STOP).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(900))).unwrap();
    while socket.recv(&mut [0; 4096]).is_ok() {}
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    kill_process(pid, Signal::CONT).unwrap();
    hear(&socket, "WATCHDOG=1");
    kill_process(pid, Signal::TERM).unwrap();
    hear(&socket, "STOPPING=1");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A manager as small as can be: `systemd-socket-activate` holds the sockets, and a loop starts the
/// Gateway again whenever it ends.
struct Manager<'m> {
    state: PathBuf,
    _machine: &'m Machine,
    child: Child,
    port: u16,
}

impl<'m> Manager<'m> {
    fn start(machine: &'m Machine, port: u16, args: &[&str]) -> Self {
        Self::with_door(machine, port, None, args)
    }

    /// The same with a Unix socket beside the ports.
    fn with_door(machine: &'m Machine, port: u16, door: Option<&Path>, args: &[&str]) -> Self {
        let again = "while :; do sh -c 'LISTEN_PID=$$ exec \"$@\"' sh \"$@\" || exit; done";
        let mut command = Command::new(SOCKET_ACTIVATE);
        command.args(["-l", &format!("127.0.0.1:{port}"), "-l", &format!("[::1]:{port}")]);
        if let Some(door) = door {
            command.arg("-l").arg(door);
        }
        command.args(["sh", "-c", again, "sh", OPENCLAW, "gateway", "run"]);
        command.args(args).env_clear().env("HOME", machine.home()).env("PATH", "/usr/bin:/bin");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let profile = args.iter().skip_while(|word| **word != "--profile").nth(1);
        let state = profile.map_or_else(
            || machine.state(),
            |profile| machine.home().join(format!(".openclaw-{profile}")),
        );
        Self { state, _machine: machine, child: child.spawn().unwrap(), port }
    }

    /// Connects, and asks for what needs no credential.
    fn ask(&self, address: SocketAddr) -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let port = self.port;
        write!(
            stream,
            "GET /healthz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }
}

impl Manager<'_> {
    /// Asks without a pause, and counts what came of it.
    fn ask_until(
        &self,
        stop: &AtomicBool,
        address: SocketAddr,
        answered: &AtomicU32,
        cut: &AtomicU32,
    ) {
        while !stop.load(Ordering::Relaxed) {
            let counter = if is_answer(self.ask(address)) { answered } else { cut };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Manager<'_> {
    fn drop(&mut self) {
        // The loop first, so that it starts nothing again.
        self.child.kill().ok();
        self.child.wait().ok();
        if let Some(pid) = holder(&self.state).and_then(|(pid, _)| Pid::from_raw(pid)) {
            kill_process(pid, Signal::TERM).ok();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn holder(state: &Path) -> Option<(i32, u64)> {
    let text = std::fs::read(state.join("gateway.lock")).ok()?;
    let holder: serde_json::Value = serde_json::from_slice(&text).ok()?;
    Some((i32::try_from(holder["pid"].as_i64()?).ok()?, holder["port"].as_u64()?))
}

/// Waits until another process than `before` holds the state folder and listens.
fn next_holder(machine: &Machine, before: Option<i32>) -> i32 {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        match holder(&machine.state()) {
            Some((pid, _)) if Some(pid) != before => return pid,
            _ => std::thread::yield_now(),
        }
    }
    panic!("no Gateway came");
}

fn is_answer(asked: std::io::Result<String>) -> bool {
    match asked {
        Ok(text) => text.starts_with("HTTP/1.1 200"),
        Err(error) => {
            assert_ne!(error.kind(), std::io::ErrorKind::ConnectionRefused);
            false
        }
    }
}

const CLIENTS: u32 = 4;
const RESTARTS: u32 = 5;

#[test]
fn a_restart_refuses_no_connection() {
    let machine = Machine::new();
    let port = free_port();
    let manager = Manager::start(&machine, port, &["--port", &port.to_string()]);
    let addresses: [SocketAddr; 2] =
        [([127, 0, 0, 1], port).into(), (std::net::Ipv6Addr::LOCALHOST, port).into()];
    let started = Instant::now();
    while manager.ask(addresses[0]).is_err() {
        assert!(started.elapsed() < PATIENCE, "the sockets were never there");
        std::thread::yield_now();
    }
    let (stop, answered, cut) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    let mut pid = next_holder(&machine, None);
    std::thread::scope(|scope| {
        for address in addresses.iter().cycle().take(CLIENTS as usize) {
            scope.spawn(|| manager.ask_until(&stop, *address, &answered, &cut));
        }
        for _ in 0..RESTARTS {
            let before = answered.load(Ordering::Relaxed);
            kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
            pid = next_holder(&machine, Some(pid));
            let started = Instant::now();
            while answered.load(Ordering::Relaxed) < before + 20 && started.elapsed() < PATIENCE {
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (answered, cut) = (answered.into_inner(), cut.into_inner());
    println!("{answered} requests answered over five restarts, {cut} cut, none refused");
    // A client that a busy machine keeps from asking for a third of a second after it came in is cut; each
    // has one connection at a time, so it loses one at most for each restart.
    assert!(answered >= 100 && cut <= CLIENTS * RESTARTS, "{answered} answered, {cut} cut");
}

#[test]
fn a_socket_that_nobody_configured_is_refused() {
    let machine = Machine::new();
    let (port, other) = (free_port(), free_port());
    let mut manager = Manager::start(&machine, port, &["--port", &other.to_string()]);
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < PATIENCE, "the sockets were never there");
        std::thread::yield_now();
    }
    assert_eq!(manager.child.wait().unwrap().code(), Some(78));
    let mut told = String::new();
    manager.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(
        told.contains(&format!("127.0.0.1:{port}")) && told.contains("gateway install"),
        "{told}"
    );
    let output = machine.run(&["gateway", "status", "--json"]);
    assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
}

/// A group of owners that no file of the machine knows.
const OWNERS: u32 = 54321;
/// Accounts without rights: one of the group, and a stranger.
const MEMBER: u32 = 54322;
const STRANGER: u32 = 54323;

/// A door in the system's own folder, which only root can make; it goes with this value.
struct SharedDoor {
    profile: String,
    path: PathBuf,
}

impl SharedDoor {
    fn new(name: &str) -> Self {
        let profile = format!("{name}{}", std::process::id());
        let path = PathBuf::from(format!("/run/openclaw/openclaw-gateway-{profile}.sock"));
        std::fs::create_dir_all("/run/openclaw").unwrap();
        Self { profile, path }
    }

    /// Waits for it, and gives it the group and mode that systemd would have given it.
    fn belongs_to(&self, group: u32, mode: u32) {
        let started = Instant::now();
        while !self.path.exists() {
            assert!(started.elapsed() < PATIENCE, "the socket was never there");
            std::thread::yield_now();
        }
        chown(&self.path, None, Some(group)).unwrap();
        std::fs::set_permissions(&self.path, PermissionsExt::from_mode(mode)).unwrap();
    }
}

impl Drop for SharedDoor {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}

/// An account with a home folder, and a program that it can reach.
struct Somebody {
    home: tempfile::TempDir,
    uid: u32,
    gid: u32,
}

impl Somebody {
    fn new(uid: u32, gid: u32) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::copy(OPENCLAW, home.path().join("openclaw")).unwrap();
        chown(home.path(), Some(uid), Some(gid)).unwrap();
        Self { home, uid, gid }
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={}", self.uid)).arg(format!("--regid={}", self.gid));
        command.arg("--clear-groups").arg(self.home.path().join("openclaw")).args(args);
        command.env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin");
        command.current_dir(self.home.path()).stdin(Stdio::null()).output().unwrap()
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", shown(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[test]
fn a_group_of_owners_comes_in_by_its_own_door_and_nobody_else() {
    if !rustix::process::getuid().is_root() {
        println!("not run: only root makes a door in /run and becomes somebody else");
        return;
    }
    let (machine, door, port) = (Machine::new(), SharedDoor::new("owners"), free_port());
    let port_text = port.to_string();
    let args = ["--profile", &door.profile, "--port", &port_text];
    let _manager = Manager::with_door(&machine, port, Some(&door.path), &args);
    door.belongs_to(OWNERS, 0o660);
    let member = Somebody::new(MEMBER, OWNERS);
    let status = member.json(&["--profile", &door.profile, "status", "--json"]);
    assert_eq!(status["gateway"]["urlSource"], "the system's Gateway", "{status}");
    assert_eq!(status["gateway"]["auth"], "the group's door", "{status}");
    // What only an owner may.
    member.json(&["--profile", &door.profile, "devices", "list", "--json"]);
    let trail = machine.json(&["--profile", &door.profile, "audit"]).to_string();
    assert!(trail.contains(&format!("the group's door, uid {MEMBER}")), "{trail}");

    let stranger = Somebody::new(STRANGER, STRANGER);
    let refused = stranger.run(&["--profile", &door.profile, "health"]);
    assert_eq!(refused.status.code(), Some(3), "{}", shown(&refused));
    // A login of the group's is a way in from other machines, too.
    let bridged = member.run(&["--profile", &door.profile, "gateway", "dial-stdio"]);
    assert!(bridged.status.success(), "{}", shown(&bridged));
    let stranger = stranger.run(&["--profile", &door.profile, "gateway", "dial-stdio"]);
    assert_eq!(stranger.status.code(), Some(3), "{}", shown(&stranger));
}

#[test]
fn a_door_that_anybody_may_open_is_refused() {
    if !rustix::process::getuid().is_root() {
        println!("not run: only root makes a door in /run");
        return;
    }
    let (machine, door, port) = (Machine::new(), SharedDoor::new("open"), free_port());
    let port_text = port.to_string();
    let args = ["--profile", &door.profile, "--port", &port_text];
    let mut manager = Manager::with_door(&machine, port, Some(&door.path), &args);
    door.belongs_to(OWNERS, 0o666);
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(manager.child.wait().unwrap().code(), Some(78));
    let mut told = String::new();
    manager.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("mode 0666, not 0660") && told.contains("--group"), "{told}");
}
