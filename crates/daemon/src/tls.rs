//! The certificate of the Gateway: read from the files that are configured, or made on the first start,
//! and taken up anew when the files change.
//!
//! A certificate of our own is for browsers and the original's apps. Our own clients know the Gateway by
//! its identity key, which is bound to each TLS connection, so a certificate may change at any time.

use std::{
    fmt,
    net::IpAddr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use openclaw_base::fs;
use openclaw_config::{Paths, schema::Tls};
use openclaw_gateway::tls::ServerTls;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use sha2::{Digest, Sha256};
use x509_parser::{extensions::GeneralName, prelude::X509Certificate};

use crate::error::DaemonError;

/// Largest file of certificates that is read.
const MAX_FILE: u64 = 256 * 1024;
/// How long a certificate of our own is valid: what Apple's clients accept at most.
const DAYS: i32 = 825;
/// It is renewed, with the same key, when less than this is left.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 86_400);
/// How often its age is looked at.
const LOOK_AT_AGE: Duration = Duration::from_secs(3_600);

/// Where the certificate and its key are.
#[derive(Clone, Debug)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
    ca: Option<PathBuf>,
    /// They may be made.
    own: bool,
}

impl Files {
    fn of(paths: &Paths, config: &Tls) -> Self {
        let written = |text: &Option<String>| text.as_deref().map(|text| paths.expand(text));
        let folder = paths.tls_dir();
        let place = |text, name| written(text).unwrap_or_else(|| folder.join(name));
        let (cert, key) =
            (place(&config.cert_path, "cert.pem"), place(&config.key_path, "key.pem"));
        // In a folder that is not there, somebody mistyped rather than wants a certificate made.
        let there = |path: &Path| path.parent().is_some_and(|at| at == folder || at.is_dir());
        let own = config.auto_generate && there(&cert) && there(&key);
        Self { cert, key, ca: written(&config.ca_path), own }
    }

    fn seen(&self) -> [Option<Seen>; 3] {
        let of = |path: &Path| {
            let data = std::fs::metadata(path).ok()?;
            Some(Seen { modified: data.modified().ok(), inode: data.ino(), bytes: data.len() })
        };
        [of(&self.cert), of(&self.key), self.ca.as_deref().and_then(of)]
    }
}

/// What tells one state of a file from another: the clock of a file system may tick slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    modified: Option<SystemTime>,
    inode: u64,
    bytes: u64,
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateFacts {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of the certificate, lowercase hex: what `gateway.remote.tlsFingerprint` takes.
    pub fingerprint: String,
    /// The names and addresses it is for.
    pub names: Vec<String>,
    /// Until when it is valid, in seconds since 1970.
    pub not_after: i64,
    /// Signed with its own key: nobody else vouches for it.
    pub self_signed: bool,
}

impl CertificateFacts {
    /// The fingerprint in pairs, as other programs show it.
    #[must_use]
    pub fn pairs(&self) -> String {
        let pairs: Vec<String> = self
            .fingerprint
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
            .collect();
        pairs.join(":")
    }

    /// Whether it has expired by this time.
    #[must_use]
    pub fn has_expired(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        i64::try_from(now).is_ok_and(|now| now > self.not_after)
    }
}

/// The certificate in use.
pub(crate) struct Certificate {
    files: Files,
    names: Vec<String>,
    server: Arc<ServerTls>,
    facts: CertificateFacts,
    seen: [Option<Seen>; 3],
    aged: SystemTime,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// Whether TLS is spoken: as configured, else wherever others can connect.
pub(crate) fn is_on(config: &Tls, exposed: bool) -> bool {
    config.enabled.unwrap_or(exposed)
}

impl Certificate {
    /// Reads the certificate and its key, and makes both first if there is neither.
    ///
    /// # Errors
    /// When a file is missing, damaged, or does not fit the other.
    pub(crate) fn prepare(
        paths: &Paths,
        config: &Tls,
        addresses: &[IpAddr],
    ) -> Result<Self, DaemonError> {
        let files = Files::of(paths, config);
        let names = names(addresses);
        if files.own && !files.cert.exists() && !files.key.exists() {
            make(&files, &names, None)?;
        }
        let (config, facts) = read(&files)?;
        let server = ServerTls::new(config);
        let (seen, aged) = (files.seen(), UNIX_EPOCH);
        let mut certificate = Self { files, names, server, facts, seen, aged };
        certificate.look();
        Ok(certificate)
    }

    /// What listeners use.
    pub(crate) fn server(&self) -> Arc<ServerTls> {
        Arc::clone(&self.server)
    }

    /// What it says.
    pub(crate) const fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// Takes up files that changed, and renews a certificate of our own in time. What cannot be used
    /// is said, and the certificate in use stays. Says whether another one is in use now.
    pub(crate) fn look(&mut self) -> bool {
        let now = SystemTime::now();
        if now.duration_since(self.aged).is_ok_and(|past| past >= LOOK_AT_AGE) {
            self.aged = now;
            self.renew(now);
        }
        let seen = self.files.seen();
        if seen == self.seen {
            return false;
        }
        self.seen = seen;
        match read(&self.files) {
            Ok((config, facts)) => {
                tracing::info!(fingerprint = %facts.fingerprint, "certificate changed");
                self.server.replace(config);
                self.facts = facts;
                true
            }
            Err(error) => {
                tracing::error!(%error, hint = %error.hint(), "changed certificate refused; the old one stays");
                false
            }
        }
    }

    fn renew(&self, now: SystemTime) {
        let is_made_here = self.files.own && self.facts.self_signed;
        if !is_made_here || !self.facts.has_expired(now + RENEW_BEFORE) {
            return;
        }
        let key = std::fs::read_to_string(&self.files.key).ok();
        let key = key.and_then(|text| KeyPair::from_pem(&text).ok());
        if let Err(error) = make(&self.files, &self.names, key) {
            tracing::error!(%error, "the certificate could not be renewed");
        }
    }
}

/// What the certificate in the files says, without starting anything.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn certificate_facts(paths: &Paths, config: &Tls) -> Result<CertificateFacts, DaemonError> {
    let files = Files::of(paths, config);
    let chain = chain(&files.cert)?;
    facts(&files.cert, &chain)
}

/// The names of this machine, and the addresses that are listened on.
fn names(addresses: &[IpAddr]) -> Vec<String> {
    let host = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    let mut names = vec!["localhost".to_owned()];
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !host.is_empty() && host != "localhost" && host.chars().all(plain) {
        names.push(host.clone());
        if !host.contains('.') {
            names.push(format!("{host}.local"));
        }
    }
    let fixed = ["127.0.0.1", "::1"].map(str::to_owned);
    let own = addresses.iter().filter(|ip| !ip.is_unspecified()).map(ToString::to_string);
    names.extend(fixed.into_iter().chain(own));
    names.dedup();
    names
}

/// Makes a certificate, with a new key unless the old one is kept.
fn make(files: &Files, names: &[String], key: Option<KeyPair>) -> Result<(), DaemonError> {
    let fail = |path: &Path, source| DaemonError::File {
        action: "cannot write",
        path: path.to_owned(),
        source,
    };
    let crypto = |error: rcgen::Error| fail(&files.cert, std::io::Error::other(error));
    let fresh = key.is_none();
    let key = key.map_or_else(KeyPair::generate, Ok).map_err(crypto)?;
    let mut params = CertificateParams::new(names).map_err(crypto)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "OpenClaw Gateway");
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = |date: jiff::civil::Date| {
        let month = u8::try_from(date.month()).unwrap_or(1);
        rcgen::date_time_ymd(date.year().into(), month, u8::try_from(date.day()).unwrap_or(1))
    };
    // A clock here that is a little ahead must not make it a certificate of the future.
    params.not_before = day(today.saturating_sub(jiff::Span::new().days(1)));
    params.not_after = day(today.saturating_add(jiff::Span::new().days(DAYS)));
    let cert = params.self_signed(&key).map_err(crypto)?;
    for path in [&files.cert, &files.key] {
        if let Some(folder) = path.parent() {
            fs::create_private_dir(folder).map_err(|source| fail(folder, source))?;
        }
    }
    if fresh {
        let text = key.serialize_pem();
        fs::write_private(&files.key, text.as_bytes())
            .map_err(|source| fail(&files.key, source))?;
    }
    fs::write_private(&files.cert, cert.pem().as_bytes())
        .map_err(|source| fail(&files.cert, source))
}

fn read(files: &Files) -> Result<(Arc<ServerConfig>, CertificateFacts), DaemonError> {
    let chain = chain(&files.cert)?;
    let facts = facts(&files.cert, &chain)?;
    let key = PrivateKeyDer::from_pem_slice(&bytes(&files.key)?)
        .map_err(|error| unusable(&files.key, &format!("no private key is in it ({error})")))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&files.cert, &error.to_string()))?;
    let builder = match &files.ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            for certificate in self::chain(ca)? {
                roots.add(certificate).map_err(|error| unusable(ca, &error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| unusable(ca, &error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| {
        unusable(&files.key, &format!("it does not fit {} ({error})", files.cert.display()))
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((Arc::new(config), facts))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, DaemonError> {
    let bytes = bytes(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(unusable(path, "no certificate is in it")),
        Err(error) => Err(unusable(path, &error.to_string())),
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, DaemonError> {
    fs::read_limited(path, MAX_FILE).map_err(|source| DaemonError::File {
        action: "cannot read",
        path: path.to_owned(),
        source,
    })
}

fn facts(path: &Path, chain: &[CertificateDer<'_>]) -> Result<CertificateFacts, DaemonError> {
    let leaf = chain.first().ok_or_else(|| unusable(path, "no certificate is in it"))?;
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf)
        .map_err(|error| unusable(path, &error.to_string()))?;
    Ok(CertificateFacts {
        path: path.to_owned(),
        fingerprint: hex::encode(Sha256::digest(leaf)),
        names: alternative_names(&parsed),
        not_after: parsed.validity().not_after.timestamp(),
        self_signed: parsed.issuer() == parsed.subject(),
    })
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let shown = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match *bytes {
            [a, b, c, d] => Some(IpAddr::from([*a, *b, *c, *d]).to_string()),
            long => <[u8; 16]>::try_from(long).ok().map(|ip| IpAddr::from(ip).to_string()),
        },
        _ => None,
    };
    names.value.general_names.iter().filter_map(shown).collect()
}

fn unusable(path: &Path, why: &str) -> DaemonError {
    DaemonError::setting(
        format!("{} cannot be used for TLS: {why}", path.display()),
        "see gateway.tls.certPath and gateway.tls.keyPath: both are PEM files, the chain with the \
         Gateway's certificate first",
    )
}

#[cfg(test)]
mod tests {
    use openclaw_config::{Environment, PathOptions};

    use super::*;

    fn paths(home: &Path) -> Paths {
        let env = Environment::from_pairs([("HOME".to_owned(), home.display().to_string())]);
        Paths::resolve(&env, &PathOptions::default()).expect("paths")
    }

    #[test]
    fn a_certificate_is_made_once_and_read_again() {
        let home = tempfile::tempdir().expect("a folder");
        let (paths, config) = (paths(home.path()), Tls::default());
        let address = "192.0.2.7".parse().expect("an address");
        let first = Certificate::prepare(&paths, &config, &[address]).expect("made");
        let again = Certificate::prepare(&paths, &config, &[]).expect("read");
        assert_eq!(first.facts, again.facts);
        for name in ["localhost", "127.0.0.1", "::1", "192.0.2.7"] {
            assert!(first.facts.names.iter().any(|known| known == name), "{:?}", first.facts);
        }
        assert!(first.facts.self_signed && !first.facts.has_expired(SystemTime::now()));
        assert!(fs::is_private(&paths.tls_dir().join("key.pem")).expect("mode"));
        assert_eq!(first.facts.pairs().len(), 32 * 3 - 1);
    }

    #[test]
    fn files_that_change_are_taken_up_and_broken_ones_are_not() {
        let home = tempfile::tempdir().expect("a folder");
        let (paths, config) = (paths(home.path()), Tls::default());
        let mut certificate = Certificate::prepare(&paths, &config, &[]).expect("made");
        let first = certificate.facts.clone();
        std::fs::write(&certificate.files.cert, "no certificate").expect("written");
        certificate.look();
        assert_eq!(certificate.facts, first);
        let key = std::fs::read_to_string(&certificate.files.key).expect("the key");
        let key = KeyPair::from_pem(&key).expect("a key");
        make(&certificate.files, &["other".to_owned()], Some(key)).expect("made");
        certificate.look();
        assert_ne!(certificate.facts.fingerprint, first.fingerprint);
    }

    #[test]
    fn a_certificate_of_ours_is_renewed_in_time_and_keeps_its_key() {
        let home = tempfile::tempdir().expect("a folder");
        let (paths, mut config) = (paths(home.path()), Tls::default());
        let made = Certificate::prepare(&paths, &config, &[]).expect("made");
        let text = std::fs::read_to_string(&made.files.key).expect("the key");
        let key = KeyPair::from_pem(&text).expect("a key");
        let in_days = |days: i32| {
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
            let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
            let end = today.saturating_add(jiff::Span::new().days(days));
            let part = |number: i8| u8::try_from(number).expect("a day");
            params.not_after =
                rcgen::date_time_ymd(end.year().into(), part(end.month()), part(end.day()));
            let certificate = params.self_signed(&key).expect("a certificate").pem();
            fs::write_private(&made.files.cert, certificate.as_bytes()).expect("written");
            certificate_facts(&paths, &Tls::default()).expect("read")
        };
        let fresh = in_days(40);
        let kept = Certificate::prepare(&paths, &config, &[]).expect("read");
        assert_eq!(kept.facts, fresh, "more than thirty days are left");
        let old = in_days(20);
        config.auto_generate = false;
        let foreign = Certificate::prepare(&paths, &config, &[]).expect("read");
        assert_eq!(foreign.facts, old, "what may not be made is not renewed");
        config.auto_generate = true;
        let renewed = Certificate::prepare(&paths, &config, &[]).expect("renewed");
        assert!(renewed.facts.not_after > fresh.not_after, "{:?}", renewed.facts);
        assert_eq!(std::fs::read_to_string(&made.files.key).expect("the key"), text);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused_with_both_names() {
        let home = tempfile::tempdir().expect("a folder");
        let (paths, config) = (paths(home.path()), Tls::default());
        Certificate::prepare(&paths, &config, &[]).expect("made");
        let other = KeyPair::generate().expect("a key").serialize_pem();
        std::fs::write(paths.tls_dir().join("key.pem"), other).expect("written");
        let error = Certificate::prepare(&paths, &config, &[]).expect_err("refused").to_string();
        assert!(error.contains("key.pem") && error.contains("cert.pem"), "{error}");
    }
}
