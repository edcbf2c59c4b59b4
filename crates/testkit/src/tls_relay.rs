//! Somebody in the middle who ends TLS with a certificate of their own and carries what is inside.

use std::sync::Arc;

use openclaw_base::Tasks;
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Listens until it is dropped.
#[derive(Debug)]
pub struct TlsRelay {
    port: u16,
    tasks: Tasks,
}

impl TlsRelay {
    /// Carries everything to the Gateway on this port, over TLS of its own if `tls`.
    pub async fn start(to: u16, tls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (acceptor, connector) = (acceptor(), connector());
        let tasks = Tasks::new();
        let owner = tasks.clone();
        drop(tasks.spawn("TLS relay", async move {
            let stop = owner.token();
            while let Some(Ok((guest, _))) = stop.run_until_cancelled(listener.accept()).await {
                let (acceptor, connector) = (acceptor.clone(), connector.clone());
                let token = owner.token();
                drop(owner.spawn("TLS relay's guest", async move {
                    let carried = carry(guest, to, tls, acceptor, connector);
                    token.run_until_cancelled(carried).await;
                }));
            }
        }));
        Self { port, tasks }
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for TlsRelay {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

async fn carry(
    guest: TcpStream,
    to: u16,
    tls: bool,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
) -> Option<()> {
    let mut guest = acceptor.accept(guest).await.ok()?;
    let mut far = TcpStream::connect(("127.0.0.1", to)).await.ok()?;
    if tls {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut far = connector.connect(name, far).await.ok()?;
        copy_bidirectional(&mut guest, &mut far).await.ok()?;
    } else {
        copy_bidirectional(&mut guest, &mut far).await.ok()?;
    }
    Some(())
}

fn acceptor() -> TlsAcceptor {
    let key = KeyPair::generate().expect("a key");
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let params = CertificateParams::new(names).expect("names");
    let certificate = params.self_signed(&key).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}

fn connector() -> TlsConnector {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.dangerous().set_certificate_verifier(Arc::new(Anybody));
    TlsConnector::from(Arc::new(config))
}

/// A relay does not care to whom it carries.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
