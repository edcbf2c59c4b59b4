//! Codes that let a device in once.

use crate::{
    ids::DeviceId,
    macros::{names, params, record},
    row::{Since, methods},
    text::{Int, NonEmpty, SecretText, Text},
};

params! {
    /// Params of `device.pair.setupCode`.
    DevicePairSetupCodeParams {
        /// The address to put into the code.
        public_url?: NonEmpty,
        /// Whether `gateway.remote.url` is preferred; this Gateway asks nobody else for its address.
        prefer_remote_url?: bool,
        /// Whether a picture of the code is wanted as well; none is made.
        include_qr?: bool,
        /// What the code gives; absent means all that the caller may do.
        bootstrap_profile?: SetupProfile,
        /// Ours: how long the code is good for, in milliseconds; ten minutes unless said.
        expires_in_ms?: Int<1_000, 600_000>,
    }

    /// Params of `device.pair.setupStatus`.
    DevicePairSetupStatusParams {
        /// Which code.
        setup_id: Text<1, 128>,
    }
}

record! {
    /// Result of `device.pair.setupCode`.
    DevicePairSetupCodeResult {
        /// Names the code without being it.
        setup_id?: String,
        /// Unpadded base64url of a [`SetupCode`].
        setup_code: SecretText,
        /// The address in the code.
        gateway_url: String,
        /// The kind of secret that the Gateway asks of others.
        auth: SetupAuth,
        /// What named the address.
        url_source: String,
        /// What the code gives.
        access?: SetupAccess,
        /// Until when it is good, in milliseconds since 1970.
        expires_at_ms?: u64,
        /// Ours: where the browser interface is on this Gateway, unless it is off.
        page_path?: String,
    }

    /// What is in a setup code.
    SetupCode {
        /// Where the Gateway is.
        url: String,
        /// The single-use token.
        bootstrap_token: SecretText,
        /// Until when it is good, in milliseconds since 1970.
        expires_at_ms?: u64,
        /// Ours: the Gateway's public key, which it has to prove.
        gateway_key?: String,
        /// Ours: SHA-256 of the certificate that is shown at the address.
        tls_fingerprint?: String,
        /// Ours: `USER@HOST[:PORT]`, where an SSH login leads to the Gateway.
        ssh?: String,
    }

    /// Result of `device.pair.setupStatus`.
    DevicePairSetupStatusResult {
        /// Who came with the code, once somebody was let in.
        completion?: SetupCompletion,
    }

    /// Who came with a code.
    SetupCompletion {
        /// Which code.
        setup_id: String,
        /// The device.
        device_id: DeviceId,
        /// What it calls itself.
        device_name?: String,
        /// What it got.
        access: SetupAccess,
        /// When it came, in milliseconds since 1970.
        ts: u64,
    }
}

names! {
    /// What a code gives.
    SetupProfile {
        /// What the caller may do, without administration.
        Limited = "limited",
        /// The right to ask to be a node.
        Node = "node",
    }

    /// What a code gives, as it is told.
    SetupAccess = Full {
        /// All that the caller may do.
        Full = "full",
        /// The same without administration.
        Limited = "limited",
        /// The right to ask to be a node.
        Node = "node",
    }

    /// The kind of secret that a Gateway asks of others.
    SetupAuth = Token {
        /// A token, or none.
        Token = "token",
        /// A password.
        Password = "password",
    }
}

methods! {
    /// Makes a code that lets a device in once.
    DevicePairSetupCode = "device.pair.setupCode", Admin, DevicePairSetupCodeParams
        => DevicePairSetupCodeResult { since: Since::V4, secret_result: true, advertised: false };
    /// Says who came with a code.
    DevicePairSetupStatus = "device.pair.setupStatus", Admin, DevicePairSetupStatusParams
        => DevicePairSetupStatusResult { since: Since::V4, advertised: false };
}
