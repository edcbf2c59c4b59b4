//! What happens only in front of a person: a real terminal on all three streams.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use openclaw_testkit::sshd::Sshd;

use crate::machine::{Machine, OPENCLAW, read_until};
use crate::ssh::{install, laptop};

/// The side of a terminal that a person sits at.
pub(crate) struct Screen {
    pub(crate) person: File,
    child: Child,
}

impl Screen {
    /// Runs a command on a new terminal.
    pub(crate) fn run(command: Command) -> Self {
        Self::sized(command, 24, 80)
    }

    /// Runs a command on a new terminal of a size.
    pub(crate) fn sized(mut command: Command, rows: u16, columns: u16) -> Self {
        let person: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&person, size).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let program =
            OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let stream = || Stdio::from(program.try_clone().unwrap());
        let child = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap();
        Self { person: File::from(person), child }
    }

    /// Everything shown until the end, and the exit code.
    pub(crate) fn end(mut self) -> (String, i32) {
        let mut shown = Vec::new();
        // The kernel reports an input/output error once the last program has gone.
        self.person.read_to_end(&mut shown).ok();
        let code = self.child.wait().unwrap().code().unwrap();
        (String::from_utf8(shown).unwrap(), code)
    }
}

#[test]
fn the_token_is_shown_to_a_person_alone() {
    let machine = Machine::new();
    let _gateway = machine.gateway(&["--port", "0"]);
    let (shown, code) = Screen::run(machine.command(&["gateway", "auth-token", "--show"])).end();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(shown.trim(), machine.token());
}

#[test]
fn colours_are_for_terminals_and_can_be_turned_off() {
    let machine = Machine::new();
    let _gateway = machine.gateway(&["--port", "0"]);
    let (shown, _) = Screen::run(machine.command(&["status"])).end();
    assert!(shown.contains("\x1b[32mreachable\x1b[0m"), "{shown}");
    let (shown, _) = Screen::run(machine.command(&["status", "--no-color"])).end();
    assert!(!shown.contains('\x1b'), "{shown}");
    let mut command = machine.command(&["status"]);
    command.env("NO_COLOR", "1");
    let (shown, _) = Screen::run(command).end();
    assert!(!shown.contains('\x1b'), "{shown}");
}

#[test]
fn a_waiting_device_is_told_what_to_do_and_goes_on_once_it_is_let_in() {
    let (server, laptop) = (Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0", "--auth", "none"]);
    let reach = ["health", "--url", &gateway.url(), "--token", "not-asked-for"];
    // Without a person nobody waits.
    assert_eq!(laptop.code(&reach), 7);

    let mut screen = Screen::run(laptop.command(&reach));
    let told = read_until(&mut screen.person, "openclaw devices approve");
    assert!(told.contains("waits for approval"), "{told}");
    let listed = server.text(&["devices", "list"]);
    assert!(listed.contains("Waiting for approval"), "{listed}");
    let approved = server.text(&["devices", "approve", "--latest"]);
    assert!(approved.contains("Approved"), "{approved}");
    let (shown, code) = screen.end();
    assert_eq!(code, 0, "{told}{shown}");
    assert!(shown.contains("OK"), "{shown}");
    // From now on the device's own key is enough.
    laptop.text(&reach);

    let stranger = Machine::new();
    let mut screen = Screen::run(stranger.command(&reach));
    read_until(&mut screen.person, "openclaw devices approve");
    let pending = server.json(&["devices", "list"]);
    let request = pending["pending"][0]["requestId"].as_str().unwrap();
    server.text(&["devices", "reject", &request[..8]]);
    let (shown, code) = screen.end();
    assert_eq!(code, 7, "{shown}");
    assert!(shown.contains("rejected"), "{shown}");
}

#[test]
fn a_first_contact_lets_openssh_ask_about_the_host_key() {
    let sshd = Sshd::start().unwrap();
    sshd.forget_host_key().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    install(&sshd, &server);
    let _gateway = server.gateway(&["--port", "0"]);
    // OpenSSH asks on the controlling terminal, so the command needs one.
    let mut command = laptop.command(&["--ctty", "--wait", OPENCLAW, "health", "--ssh"]);
    command.arg(sshd.target());
    let mut screen = Screen::run(run_by("setsid", &command));
    read_until(&mut screen.person, "(yes/no");
    screen.person.write_all(b"yes\n").unwrap();
    let (shown, code) = screen.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("OK"), "{shown}");
    // The key is known now; nobody is asked again.
    laptop.text(&["health", "--ssh", &sshd.target()]);
}

/// The same arguments and environment for another program.
fn run_by(program: &str, template: &Command) -> Command {
    let mut command = Command::new(program);
    command.args(template.get_args()).env_clear();
    command.envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = template.get_current_dir() {
        command.current_dir(folder);
    }
    command
}
