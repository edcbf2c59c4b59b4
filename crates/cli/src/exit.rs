//! The exit codes: one enum, and the table of the documentation is made from it.

/// Why the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// Everything asked for was done.
    Done = 0,
    /// The Gateway or this machine could not do it.
    Failed = 1,
    /// The command line cannot be used.
    Usage = 2,
    /// Nothing answers at the address.
    NothingListening = 3,
    /// The link was lost, or an answer did not come in time.
    LinkLost = 4,
    /// Something answers, but it is not a Gateway.
    NotAGateway = 5,
    /// The token, password or device was refused, or none was given.
    CredentialRefused = 6,
    /// A person has to approve this device first.
    PairingNeeded = 7,
    /// The device is known, but may not do this.
    ScopeMissing = 8,
    /// The Gateway is not the one it should be.
    Identity = 9,
    /// The two sides do not understand each other.
    Protocol = 10,
    /// The system's `ssh` failed.
    Ssh = 11,
    /// The configuration cannot be used, or another Gateway holds the state folder.
    Configuration = 78,
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
        self as u8
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
