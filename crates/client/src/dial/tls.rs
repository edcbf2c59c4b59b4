//! TLS to a Gateway. The handshake itself refuses no certificate: whether one has to be vouched for
//! depends on what the Gateway proves inside, so what was shown is kept and judged later.

use std::{fmt, io, str::FromStr, sync::Arc};

use openclaw_protocol::trust::{EXPORTER_BYTES, EXPORTER_LABEL};
use parking_lot::Mutex;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::DialError;

/// SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

/// Text that is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 in hexadecimal, such as AB:CD:… or abcd…")]
pub struct NoFingerprint;

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.trim().to_ascii_lowercase();
        let digits = lower.strip_prefix("sha256:").unwrap_or(&lower).replace(':', "");
        let bytes = hex::decode(digits).map_err(|_| NoFingerprint)?;
        bytes.try_into().map(Self).map_err(|_| NoFingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index > 0 { ":" } else { "" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the other side showed when TLS began.
#[derive(Clone)]
pub struct Shown {
    /// Its certificate.
    pub fingerprint: Fingerprint,
    /// It is the one that was named beforehand.
    pub expected: bool,
    exporter: [u8; EXPORTER_BYTES],
    chain: Vec<CertificateDer<'static>>,
    name: ServerName<'static>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown")
            .field("fingerprint", &self.fingerprint)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

impl Shown {
    /// What only the two ends of this very connection know.
    pub(crate) const fn exporter(&self) -> &[u8] {
        &self.exporter
    }

    /// Whether somebody vouches for the certificate: who named it, or an authority of this system.
    pub(crate) fn vouched(&self) -> Result<(), String> {
        if self.expected {
            return Ok(());
        }
        let words = |error: &rustls::Error| in_words(error, &self.name);
        let system = Verifier::new(provider()).map_err(|error| words(&error))?;
        let (leaf, rest) = self.chain.split_first().ok_or("no certificate was shown")?;
        system
            .verify_server_cert(leaf, rest, &self.name, &[], UnixTime::now())
            .map(drop)
            .map_err(|error| words(&error))
    }
}

/// Why a certificate is not vouched for, in plain words.
fn in_words(error: &rustls::Error, name: &ServerName<'_>) -> String {
    use rustls::CertificateError as Bad;
    let rustls::Error::InvalidCertificate(bad) = error else { return error.to_string() };
    match bad {
        Bad::Expired | Bad::ExpiredContext { .. } => "it has expired".to_owned(),
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            format!("it is not for {}", name.to_str())
        }
        Bad::Revoked => "it was revoked".to_owned(),
        Bad::UnknownIssuer => "nobody this system trusts vouches for it".to_owned(),
        other => format!("nobody this system trusts vouches for it ({other})"),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Shakes hands with whoever answers. Only somebody who does not hold the key of the certificate that
/// is shown, or shows another one than was named, is refused here.
pub(crate) async fn open(
    stream: TcpStream,
    host: &str,
    expected: Option<Fingerprint>,
) -> Result<(TlsStream<TcpStream>, Shown), DialError> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| DialError::Url(format!("{host} is no name that a certificate can be for")))?;
    let provider = provider();
    let seen = Arc::new(Seen { provider: Arc::clone(&provider), chain: Mutex::default() });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| DialError::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<_>)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Without it, TLS 1.2 lets somebody in the middle make two connections with the same key material
    // (RFC 9266, section 4.2), and a proof bound to it would prove nothing.
    config.require_ems = true;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name.clone(), stream).await.map_err(refused)?;
    let chain = std::mem::take(&mut *seen.chain.lock());
    let leaf = chain.first().ok_or_else(|| DialError::Tls("it shows no certificate".to_owned()))?;
    let fingerprint = Fingerprint::of(leaf);
    if let Some(expected) = expected.filter(|expected| *expected != fingerprint) {
        return Err(DialError::Fingerprint { expected, seen: fingerprint });
    }
    let exporter = stream
        .get_ref()
        .1
        .export_keying_material([0; EXPORTER_BYTES], EXPORTER_LABEL, None)
        .map_err(|error| DialError::Tls(error.to_string()))?;
    let shown = Shown { fingerprint, expected: expected.is_some(), exporter, chain, name };
    Ok((stream, shown))
}

fn refused(error: io::Error) -> DialError {
    match error.kind() {
        io::ErrorKind::InvalidData => DialError::Tls(error.to_string()),
        io::ErrorKind::UnexpectedEof => {
            DialError::Tls("it ended the connection; it may not speak TLS".to_owned())
        }
        _ => DialError::Unreachable(error),
    }
}

/// Takes down the chain, and checks nothing but that the other side holds its key.
#[derive(Debug)]
struct Seen {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = [leaf].into_iter().chain(rest);
        *self.chain.lock() = chain.map(|certificate| certificate.clone().into_owned()).collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, leaf, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, leaf, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_programs_print_them() {
        let bytes: Vec<String> = (0..32).map(|byte| format!("{byte:02x}")).collect();
        let (plain, colons) = (bytes.concat(), bytes.join(":").to_uppercase());
        for text in [plain.clone(), colons.clone(), format!("SHA256:{plain}"), format!(" {plain} ")]
        {
            assert_eq!(text.parse::<Fingerprint>().expect("read").to_string(), colons, "{text}");
        }
        for text in ["", "ab", "zz", &plain[2..], &format!("{plain}00")] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
