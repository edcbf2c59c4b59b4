use super::*;

fn pair(name: &str) -> Pair {
    Pair {
        token: Some(SecretString::from(format!("{name}-token"))),
        password: Some(SecretString::from(format!("{name}-password"))),
    }
}

/// Every source of secrets filled, so that each row shows what it leaves alone.
fn everything(choice: Choice) -> Inputs {
    Inputs {
        env: pair("env"),
        remote: pair("remote"),
        auth: pair("auth"),
        token_file: Some(SecretString::from("file-token".to_owned())),
        ..Inputs::new(choice)
    }
}

fn check(inputs: &Inputs, way: Way, token: Option<&str>, password: Option<&str>) {
    let plan = plan(inputs).expect("a plan");
    let shown = |secret: &Option<Secret>| {
        secret.as_ref().map(|secret| secret.value.expose_secret().to_owned())
    };
    assert_eq!(plan.way, way, "{inputs:?}");
    assert_eq!(shown(&plan.token).as_deref(), token, "{inputs:?}");
    assert_eq!(shown(&plan.password).as_deref(), password, "{inputs:?}");
}

const CHOICES: [Choice; 8] = [
    Choice::UrlFlag,
    Choice::Ssh { dial_stdio: true },
    Choice::Ssh { dial_stdio: false },
    Choice::EnvUrl,
    Choice::Named { door: true },
    Choice::Named { door: false },
    Choice::Remote,
    Choice::Local,
];

#[test]
fn flags_given_are_all_that_is_used() {
    for choice in CHOICES {
        let doors = [Choice::Ssh { dial_stdio: true }, Choice::Named { door: true }];
        let way = if doors.contains(&choice) { Way::Door } else { Way::Network };
        let base = Inputs { door: true, ..everything(choice) };
        let token = Pair { password: None, ..pair("flag") };
        check(&Inputs { flags: token, ..base.clone() }, way, Some("flag-token"), None);
        let password = Pair { token: None, ..pair("flag") };
        check(&Inputs { flags: password, ..base.clone() }, way, None, Some("flag-password"));
        check(
            &Inputs { flags: pair("flag"), ..base },
            way,
            Some("flag-token"),
            Some("flag-password"),
        );
    }
}

#[test]
fn a_target_flag_without_a_secret_flag_is_refused() {
    let url = Inputs { door: true, ..everything(Choice::UrlFlag) };
    assert_eq!(plan(&url).expect_err("no flag"), CredentialError::UrlNeedsFlag);
    let ssh = everything(Choice::Ssh { dial_stdio: false });
    assert_eq!(plan(&ssh).expect_err("no flag"), CredentialError::SshNeedsFlag);
    for error in [CredentialError::UrlNeedsFlag, CredentialError::SshNeedsFlag] {
        assert!(error.to_string().contains("--token") && error.hint().contains("--token"));
    }
}

#[test]
fn blank_flags_count_as_none() {
    let blank = Some(SecretString::from(" \n".to_owned()));
    let flags = Pair { token: blank.clone(), password: blank };
    let inputs = Inputs { flags, ..everything(Choice::UrlFlag) };
    assert_eq!(plan(&inputs).expect_err("no flag"), CredentialError::UrlNeedsFlag);
}

#[test]
fn an_ssh_login_needs_no_secret() {
    check(&everything(Choice::Ssh { dial_stdio: true }), Way::Door, None, None);
}

#[test]
fn a_named_gateway_gets_what_is_saved_for_it_and_nothing_else() {
    check(&everything(Choice::Named { door: true }), Way::Door, None, None);
    let by_port = everything(Choice::Named { door: false });
    check(&by_port, Way::Network, None, None);
    assert!(plan(&by_port).expect("a plan").use_saved);
}

#[test]
fn the_environments_url_gets_the_environments_secrets() {
    check(&everything(Choice::EnvUrl), Way::Network, Some("env-token"), Some("env-password"));
    let without = Inputs { env: Pair::default(), ..everything(Choice::EnvUrl) };
    check(&without, Way::Network, None, None);
}

#[test]
fn remote_mode_gets_only_what_is_configured_for_it() {
    let inputs = everything(Choice::Remote);
    check(&inputs, Way::Network, Some("remote-token"), Some("remote-password"));
    assert!(!plan(&inputs).expect("a plan").use_saved);
    let without = Inputs { remote: Pair::default(), ..inputs };
    check(&without, Way::Network, None, None);
    assert!(plan(&without).expect("a plan").use_saved);
}

#[test]
fn local_takes_the_door_and_then_what_is_nearest() {
    let all = everything(Choice::Local);
    check(&Inputs { door: true, ..all.clone() }, Way::Door, None, None);
    check(&all, Way::Network, Some("env-token"), Some("env-password"));
    let no_env = Inputs { env: Pair::default(), ..all };
    check(&no_env, Way::Network, Some("auth-token"), Some("auth-password"));
    let only_file = Inputs { auth: Pair::default(), ..no_env.clone() };
    check(&only_file, Way::Network, Some("file-token"), None);
    let nothing = Inputs { token_file: None, ..only_file };
    check(&nothing, Way::Network, None, None);

    let mode = |auth_mode| Inputs { auth_mode: Some(auth_mode), ..no_env.clone() };
    check(&mode(SecretKind::Token), Way::Network, Some("auth-token"), None);
    check(&mode(SecretKind::Password), Way::Network, None, Some("auth-password"));
    check(&mode(SecretKind::None), Way::Network, None, None);
}

#[test]
fn only_what_names_the_endpoint_may_go_to_a_gateway_without_proof() {
    let named = [
        SecretSource::FlagToken,
        SecretSource::FlagPassword,
        SecretSource::FlagPasswordFile,
        SecretSource::RemoteToken,
        SecretSource::RemotePassword,
        SecretSource::Saved,
    ];
    let unnamed = [
        SecretSource::EnvToken,
        SecretSource::EnvPassword,
        SecretSource::AuthToken,
        SecretSource::AuthPassword,
        SecretSource::TokenFile,
    ];
    assert!(named.iter().all(|source| source.is_for_this_endpoint()));
    assert!(unnamed.iter().all(|source| !source.is_for_this_endpoint()));
}
