//! How strict to be.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$case_meta:meta])* $case:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$case_meta])* #[serde(rename = $word)] $case),+
        }

        impl $name {
            /// The word for it in files and on the wire.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$case => $word),+ }
            }

            /// What a word means; none if it is no such word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$case),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.word())
            }
        }
    };
}

words! {
    /// What may run. The order is from strict to lax.
    Security {
        /// Nothing.
        Deny = "deny",
        /// What is on the list.
        Allowlist = "allowlist",
        /// Everything.
        Full = "full",
    }
}

words! {
    /// When somebody is asked. The order is from lax to strict.
    Ask {
        /// Never: what is not allowed is refused.
        Off = "off",
        /// When the list does not allow it.
        OnMiss = "on-miss",
        /// Every time.
        Always = "always",
    }
}

words! {
    /// What somebody who was asked said.
    Decision {
        /// This command, this time.
        AllowOnce = "allow-once",
        /// This command from now on.
        AllowAlways = "allow-always",
        /// No.
        Deny = "deny",
    }
}

/// How strict to be with one agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What may run.
    pub security: Security,
    /// When somebody is asked.
    pub ask: Ask,
    /// What holds when nobody answers.
    pub fallback: Security,
}

impl Policy {
    /// A fresh install: nothing runs that nobody has allowed, and somebody is asked.
    pub const FRESH: Self =
        Self { security: Security::Allowlist, ask: Ask::OnMiss, fallback: Security::Deny };

    /// The stricter of both, in each respect.
    #[must_use]
    pub fn stricter(self, security: Option<Security>, ask: Option<Ask>) -> Self {
        Self {
            security: security.map_or(self.security, |other| self.security.min(other)),
            ask: ask.map_or(self.ask, |other| self.ask.max(other)),
            fallback: self.fallback,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stricter_wins() {
        let fresh = Policy::FRESH;
        assert_eq!(fresh.stricter(Some(Security::Full), Some(Ask::Off)), fresh);
        let strict = fresh.stricter(Some(Security::Deny), Some(Ask::Always));
        assert_eq!((strict.security, strict.ask), (Security::Deny, Ask::Always));
        assert_eq!(fresh.stricter(None, None), fresh);
    }

    #[test]
    fn words_go_there_and_back() {
        for word in ["deny", "allowlist", "full"] {
            assert_eq!(Security::from_word(word).map(Security::word), Some(word));
        }
        assert_eq!(Ask::from_word("sometimes"), None);
        assert_eq!(
            serde_json::to_string(&Decision::AllowAlways).expect("text"),
            "\"allow-always\""
        );
    }
}
