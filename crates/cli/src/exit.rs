//! The exit codes: one enum, and the table of the documentation is made from it.

/// Why the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    /// Everything asked for was done.
    Done,
    /// The Gateway or this machine could not do it.
    Failed,
    /// The command line cannot be used.
    Usage,
    /// Nothing answers at the address.
    NothingListening,
    /// The link was lost, or an answer did not come in time.
    LinkLost,
    /// Something answers, but it is not a Gateway.
    NotAGateway,
    /// The token, password or device was refused, or none was given.
    CredentialRefused,
    /// A person has to approve this device first.
    PairingNeeded,
    /// The device is known, but may not do this.
    ScopeMissing,
    /// The Gateway is not the one it should be.
    Identity,
    /// The two sides do not understand each other.
    Protocol,
    /// The system's `ssh` failed.
    Ssh,
    /// The configuration cannot be used, or another Gateway holds the state folder.
    Configuration,
    /// What a command said that ran elsewhere.
    Passed(u8),
}

impl ExitCode {
    /// Every code, in order.
    pub(crate) const ALL: [Self; 13] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::NothingListening,
        Self::LinkLost,
        Self::NotAGateway,
        Self::CredentialRefused,
        Self::PairingNeeded,
        Self::ScopeMissing,
        Self::Identity,
        Self::Protocol,
        Self::Ssh,
        Self::Configuration,
    ];

    /// The number the shell sees.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NothingListening => 3,
            Self::LinkLost => 4,
            Self::NotAGateway => 5,
            Self::CredentialRefused => 6,
            Self::PairingNeeded => 7,
            Self::ScopeMissing => 8,
            Self::Identity => 9,
            Self::Protocol => 10,
            Self::Ssh => 11,
            Self::Configuration => 78,
            Self::Passed(code) => code,
        }
    }

    /// A sentence for the documentation.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Done => {
                "Everything asked for was done. A closed pipe on the output counts as done."
            }
            Self::Failed => "The Gateway or this machine could not do it; the message says why.",
            Self::Usage => "The command line cannot be used as it stands.",
            Self::NothingListening => "Nothing listens at the address.",
            Self::LinkLost => "The link was lost, or an answer did not come in time.",
            Self::NotAGateway => "Something answers, but it is not a Gateway.",
            Self::CredentialRefused => {
                "The credential was refused, or one is needed and none was given."
            }
            Self::PairingNeeded => "A person has to approve this device on the Gateway first.",
            Self::ScopeMissing => "The device is paired, but lacks a scope for this.",
            Self::Identity => "TLS, pin or identity: the Gateway is not the one it should be.",
            Self::Protocol => "No protocol version in common, or an answer that makes no sense.",
            Self::Ssh => "The system's ssh failed; its own words are in the message.",
            Self::Configuration => {
                "The configuration cannot be used, or another Gateway holds the state folder."
            }
            Self::Passed(_) => "What a command said that ran elsewhere.",
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_design() {
        let numbers = ExitCode::ALL.map(ExitCode::number);
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 78]);
    }
}
