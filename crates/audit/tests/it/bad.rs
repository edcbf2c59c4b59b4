//! One bad machine per check: exactly its id appears, and none of the others.

use std::collections::BTreeSet;

use openclaw_audit::{
    Severity, audit, checks,
    facts::{Certificate, LiveGateway, LiveReport, Probe},
};

use crate::machine::{Machine, NOW_MS, TOKEN, ids, own};

/// What makes a machine bad.
enum Bad {
    /// A configuration file.
    Config(&'static str),
    /// Anything else about the machine.
    With(fn(&mut Machine)),
    /// What a probe of the running Gateway came to.
    Probed,
    /// Something that no file says: the certificate.
    Expired,
}
use Bad::{Config, Expired, Probed, With};

/// The check, what other checks say of the same fault, and the machine.
type Row = (&'static str, &'static [&'static str], Bad);

const LAN: &str = "gateway: { bind: 'lan', controlUi: { allowedOrigins: ['https://a.example'] } }";

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        ("gateway.bind_no_auth", &[], Config("{ gateway: { bind: 'lan', controlUi: { allowedOrigins: ['https://a.example'] }, auth: { mode: 'none' } } }")),
        ("gateway.loopback_no_auth", &[], Config("{ gateway: { auth: { mode: 'none' } } }")),
        ("gateway.token_placeholder_value", &[], Config("{ gateway: { auth: { token: 'change-me' } } }")),
        ("gateway.password_placeholder_value", &["config.secrets.gateway_password_in_config"], Config("{ gateway: { auth: { mode: 'password', password: 'password' } } }")),
        ("gateway.token_too_short", &[], Config("{ gateway: { auth: { token: 'abcdefgh' } } }")),
        ("gateway.password_too_short", &[], With(|m| { m.configure("{ gateway: { auth: { mode: 'password' } } }"); m.set_env("OPENCLAW_GATEWAY_PASSWORD", "abcdefgh"); })),
        ("gateway.auth_no_rate_limit", &[], Config("{ gateway: { auth: { rateLimit: { lockoutMs: 0 } } } }")),
        ("gateway.probe_auth_secretref_unavailable", &[], Config("{ gateway: { auth: { token: '$NOT_SET_ANYWHERE' } } }")),
        ("gateway.trusted_proxy_auth", &[], Config("{ gateway: { trustedProxies: ['10.0.0.7'], auth: { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-user', allowUsers: ['me'] } } } }")),
        ("gateway.trusted_proxy_no_proxies", &["gateway.trusted_proxy_auth"], Config("{ gateway: { auth: { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-user', allowUsers: ['me'] } } } }")),
        ("gateway.trusted_proxy_no_user_header", &["gateway.trusted_proxy_auth"], Config("{ gateway: { trustedProxies: ['10.0.0.7'], auth: { mode: 'trusted-proxy', trustedProxy: { allowUsers: ['me'] } } } }")),
        ("gateway.trusted_proxy_no_allowlist", &["gateway.trusted_proxy_auth"], Config("{ gateway: { trustedProxies: ['10.0.0.7'], auth: { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-user' } } } }")),
        ("gateway.trusted_proxy_allow_loopback", &["gateway.trusted_proxy_auth"], Config("{ gateway: { trustedProxies: ['10.0.0.7'], auth: { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-user', allowUsers: ['me'], allowLoopback: true } } } }")),
        ("gateway.trusted_proxy_device_auto_approve_admin", &["gateway.trusted_proxy_auth"], Config("{ gateway: { trustedProxies: ['10.0.0.7'], auth: { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-user', allowUsers: ['me'], deviceAutoApprove: { enabled: true, scopes: ['operator.admin'] } } } } }")),
        ("gateway.trusted_proxies_missing", &[], Config("{ gateway: { publicOrigin: 'https://a.example' } }")),
        ("gateway.real_ip_fallback_enabled", &[], Config("{ gateway: { allowRealIpFallback: true } }")),
        ("gateway.control_ui.allowed_origins_required", &[], Config("{ gateway: { bind: 'lan' } }")),
        ("gateway.control_ui.allowed_origins_wildcard", &[], Config("{ gateway: { controlUi: { allowedOrigins: ['*'] } } }")),
        ("gateway.control_ui.host_header_origin_fallback", &[], Config("{ gateway: { controlUi: { dangerouslyAllowHostHeaderOriginFallback: true } } }")),
        ("gateway.http.no_auth", &["gateway.loopback_no_auth", "gateway.http.session_key_override_enabled"], Config("{ gateway: { auth: { mode: 'none' }, http: { endpoints: { responses: { enabled: true } } } } }")),
        ("gateway.http.session_key_override_enabled", &[], Config("{ gateway: { http: { endpoints: { chatCompletions: { enabled: true } } } } }")),
        ("discovery.mdns_full_mode", &[], Config("{ discovery: { mdns: { mode: 'full' } } }")),
        ("gateway.tailscale_funnel", &["config.secrets.gateway_password_in_config"], Config("{ gateway: { auth: { mode: 'password', password: 'correct-horse-battery-staple' }, tailscale: { mode: 'funnel' } } }")),
        ("gateway.tailscale_serve", &[], Config("{ gateway: { tailscale: { mode: 'serve' } } }")),
        ("gateway.tls_off_exposed", &[], Config("{ gateway: { bind: 'lan', controlUi: { allowedOrigins: ['https://a.example'] }, tls: { enabled: false } } }")),
        ("gateway.tls.certificate_expiring", &[], Expired),
        ("gateway.tls.key_perms_readable", &[], With(|m| { m.configure("{ gateway: { tls: { certPath: 'cert.pem', keyPath: 'key.pem' } } }"); m.state_file("key.pem", "key", 0o644); })),
        ("hooks.token_reuse_gateway_token", &[], With(|m| m.configure(&format!("{{ hooks: {{ token: '{TOKEN}' }} }}")))),
        ("hooks.path_root", &[], Config("{ hooks: { path: '/' } }")),
        ("browser.control_no_auth", &["gateway.loopback_no_auth"], Config("{ browser: { enabled: true }, gateway: { auth: { mode: 'none' } } }")),
        ("browser.remote_cdp_http", &[], Config("{ browser: { profiles: { far: { cdpUrl: 'http://10.0.0.9:9222' }, near: { cdpUrl: 'http://127.0.0.1:9222' } } } }")),
        ("gateway.nodes.allow_commands_dangerous", &[], Config("{ gateway: { nodes: { commands: { allow: ['camera.snap', 'location.get'] } } } }")),
        ("gateway.nodes.deny_commands_ineffective", &[], Config("{ gateway: { nodes: { commands: { deny: ['camera.*', 'screen.record'] } } } }")),
        ("gateway.tools_invoke_http.dangerous_allow", &[], Config("{ gateway: { tools: { allow: ['exec'] } } }")),
        ("config.insecure_or_dangerous_flags", &[], Config("{ gateway: { controlUi: { dangerouslyDisableDeviceAuth: true } } }")),
        ("config.secrets.gateway_password_in_config", &[], Config("{ gateway: { auth: { mode: 'password', password: 'correct-horse-battery-staple' } } }")),
        ("config.invalid", &[], Config("{ gateway: { port: 'x' } }")),
        ("secrets.in_argv", &[], With(|m| m.process(77, &["/usr/bin/watch", "curl", &format!("-HX:{TOKEN}")]))),
        ("secrets.in_unit_file", &[], With(|m| m.write("home/.config/systemd/user/openclaw-gateway.service.d/env.conf", "[Service]\nEnvironment=OPENCLAW_GATEWAY_TOKEN=abc\n", 0o644))),
        ("secrets.in_shell_history", &[], With(|m| m.write("home/.bash_history", &format!("ls\nexport X={TOKEN}\n"), 0o600))),
        ("fs.state_dir.perms_world_writable", &[], With(|m| m.mode("home/.openclaw", 0o703))),
        ("fs.state_dir.perms_group_writable", &[], With(|m| m.mode("home/.openclaw", 0o730))),
        ("fs.state_dir.perms_readable", &[], With(|m| m.mode("home/.openclaw", 0o755))),
        ("fs.config.perms_writable", &[], With(|m| m.mode("home/.openclaw/openclaw.json", 0o620))),
        ("fs.config.perms_world_readable", &[], With(|m| m.mode("home/.openclaw/openclaw.json", 0o644))),
        ("fs.config.perms_group_readable", &[], With(|m| m.mode("home/.openclaw/openclaw.json", 0o640))),
        ("fs.config.symlink", &[], With(|m| { let (at, to) = (m.state().join("openclaw.json"), m.state().join("real.json")); std::fs::rename(&at, &to).unwrap(); std::os::unix::fs::symlink(to, at).unwrap(); })),
        ("fs.config_include.perms_writable", &[], With(|m| { m.configure("{ gateway: { '$include': './more.json' } }"); m.state_file("more.json", "{}", 0o622); })),
        ("fs.config_include.perms_readable", &[], With(|m| { m.configure("{ gateway: { '$include': './more.json' } }"); m.state_file("more.json", "{}", 0o644); })),
        ("fs.env_file.perms_readable", &[], With(|m| m.state_file(".env", "A=b\n", 0o644))),
        ("fs.secret_file.perms_readable", &[], With(|m| m.state_file("identity/gateway.json", "{}", 0o640))),
        ("fs.auth_profiles.perms_readable", &[], With(|m| m.state_file("agents/main/agent/auth-profiles.json", "{}", 0o644))),
        ("fs.credentials_dir.perms_readable", &[], With(|m| { m.private_folder("home/.openclaw/credentials"); m.mode("home/.openclaw/credentials", 0o755); })),
        ("fs.sessions_store.perms_readable", &[], With(|m| m.state_file("gateway.db", "", 0o644))),
        ("fs.log_file.perms_readable", &[], With(|m| m.state_file("logs/gateway.log", "", 0o644))),
        ("fs.synced_dir", &[], With(|m| m.move_state("home/Dropbox/openclaw"))),
        ("logging.shared_tmp", &[], Config("{ logging: { file: '/tmp/openclaw-of-nobody/openclaw.log' } }")),
        ("tailscale.userspace", &[], With(|m| m.process(78, &["/usr/sbin/tailscaled", "--tun=userspace-networking"]))),
        ("docker.published_port", &[], With(|m| m.process(79, &["/usr/bin/docker-proxy", "-proto", "tcp", "-host-ip", "0.0.0.0", "-host-port", "80", "-container-ip", "172.17.0.2", "-container-port", "18789"]))),
        ("ssh.password_login", &[], With(|m| { m.write("root/etc/ssh/sshd_config", "Port 2222\n", 0o644); m.listeners(&[("00000000", 2222, 0)]); })),
        ("gateway.remote.secret_equals_local", &[], With(|m| m.configure(&format!("{{ gateway: {{ remote: {{ url: 'wss://a.example', token: '{TOKEN}' }} }} }}")))),
        ("gateway.remote.wss_without_pin", &[], Config("{ gateway: { remote: { url: 'wss://box.lan:18789' } } }")),
        ("gateway.remote.plain_ws", &[], Config("{ gateway: { remote: { url: 'ws://10.0.0.9:18789' } } }")),
        ("remote.tunnel_port_foreign_owner", &[], With(tunnel_of_somebody)),
        ("fs.state_dir.foreign_owner", &[], With(|_| {})),
        ("gateway.probe_failed", &[], Probed),
        ("gateway.probe.anonymous_accepted", &[], Probed),
        ("gateway.probe.foreign_host_served", &[], Probed),
        ("gateway.probe.foreign_origin_served", &[], Probed),
        ("gateway.probe.forwarded_headers_believed", &[], Probed),
        ("gateway.probe.listens_beyond_bind", &[], Probed),
        ("remote.gateway_unpinned", &[], With(|m| m.state_file("gateways/near.json", r#"{"version":1,"name":"near","how":"url","url":"ws://127.0.0.1:19999","createdAtMs":1}"#, 0o600))),
        ("security.audit.suppressions.active", &[], Config("{ hooks: { path: '/' }, security: { audit: { suppressions: [{ checkId: 'hooks.path_root' }] } } }")),
        ("summary.attack_surface", &[], With(|_| {})),
    ]
}

fn tunnel_of_somebody(machine: &mut Machine) {
    let entry = r#"{"version":1,"name":"far","how":"ssh","target":"me@far","via":{"door":{}},"localPort":18801,"createdAtMs":1}"#;
    machine.state_file("gateways/far.json", entry, 0o600);
    machine.listeners(&[("0100007F", 18801, own() + 4000)]);
}

#[test]
fn all_is_well_on_a_good_machine() {
    for config in ["{}".to_owned(), format!("{{ {LAN} }}")] {
        let machine = Machine::new();
        machine.configure(&config);
        let report = machine.report();
        assert_eq!(ids(&report), [""; 0], "{config}: {:#?}", report.findings);
        assert_eq!((report.summary.critical, report.summary.warn, report.summary.info), (0, 0, 1));
    }
}

#[test]
fn each_check_finds_its_fault_and_no_other() {
    for (id, also, bad) in rows() {
        let mut machine = Machine::new();
        match &bad {
            Config(text) => machine.configure(text),
            With(change) => change(&mut machine),
            Probed | Expired => {}
        }
        let mut facts = machine.facts();
        match bad {
            Probed => facts.live = Some(probed(id)),
            Expired => {
                let not_after_ms = i64::try_from(NOW_MS).unwrap() - 1;
                facts.certificate = Some(Certificate { path: "cert.pem".into(), not_after_ms });
            }
            // Only root can give a folder to somebody; the fact is what the check looks at.
            With(_) if id == "fs.state_dir.foreign_owner" => {
                facts.uid = 4000;
                facts.files.iter_mut().for_each(|file| file.uid = 4001);
            }
            _ => {}
        }
        let report = audit(&facts);
        let found = report.findings.iter().any(|finding| finding.check_id == id);
        assert!(found, "{id} is not found: {:#?}", report.findings);
        let mut expected: Vec<&str> = also.iter().copied().chain([id]).collect();
        expected.retain(|id| *id != "summary.attack_surface");
        let mut found = ids(&report);
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{id}");
    }
}

fn probed(id: &'static str) -> LiveReport {
    let ok = id != "gateway.probe_failed";
    let error = (!ok).then(|| "nothing listens".to_owned());
    let url = "ws://127.0.0.1:18789".to_owned();
    let probe = Probe { check_id: id, ok: false, detail: "it was".to_owned() };
    LiveReport { gateway: LiveGateway { attempted: true, url, ok, error }, probes: vec![probe] }
}

#[test]
fn every_check_has_a_bad_machine_and_a_line_in_the_docs() {
    let page = include_str!("../../../../docs/security-audit.md");
    let tried: BTreeSet<&str> = rows().iter().map(|(id, ..)| *id).collect();
    let mut met = BTreeSet::new();
    for check in checks() {
        assert!(tried.contains(check.id), "{} has no bad machine", check.id);
        assert!(met.insert(check.id), "{} stands twice", check.id);
        let line = format!("| `{}` | {} | ", check.id, check.severity.as_str());
        assert!(page.contains(&line), "{} is not in the docs: cargo xtask gen", check.id);
        let needs_no_remedy = check.severity == Severity::Info;
        assert!(needs_no_remedy || !check.remedy.is_empty(), "{} says not what to do", check.id);
    }
    assert_eq!(tried, met);
}

#[test]
fn severities_follow_who_can_reach_the_gateway() {
    let severity = |config: &str, id: &str| {
        let machine = Machine::new();
        machine.configure(config);
        let report = machine.report();
        report.findings.iter().find(|finding| finding.check_id == id).map(|found| found.severity)
    };
    let full = "discovery.mdns_full_mode";
    assert_eq!(severity("{ discovery: { mdns: { mode: 'full' } } }", full), Some(Severity::Warn));
    let wide = format!("{{ {LAN}, discovery: {{ mdns: {{ mode: 'full' }} }} }}");
    assert_eq!(severity(&wide, full), Some(Severity::Critical));
    let tls = "gateway.tls_off_exposed";
    let of = |bind: &str| format!("{{ gateway: {{ {bind}, tls: {{ enabled: false }} }} }}");
    assert_eq!(severity(&of("bind: 'loopback'"), tls), None);
    assert_eq!(severity(&of("bind: 'tailnet'"), tls), Some(Severity::Warn));
    assert_eq!(severity(&of("bind: 'custom', customBindHost: '127.0.0.1'"), tls), None);
    let custom = of("bind: 'custom', customBindHost: '10.0.0.7'");
    assert_eq!(severity(&custom, tls), Some(Severity::Critical));
}
