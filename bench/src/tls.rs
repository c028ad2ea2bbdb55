//! TLS on loopback: a certificate authority of the bench's own, and a listener with a certificate of it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Failure;

/// A certificate for 127.0.0.1 and `localhost`, and the file with the authority that vouches for it.
#[derive(Clone)]
pub(crate) struct Tls {
    authority: PathBuf,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Makes both; the authority's certificate goes into `directory`. Its key is forgotten.
    pub(crate) fn new(directory: &Path) -> Result<Self, Failure> {
        let authority_key = KeyPair::generate()?;
        let certificate = authority_params()?.self_signed(&authority_key)?;
        let authority = directory.join("authority.pem");
        std::fs::write(&authority, certificate.pem())?;

        let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
        params.subject_alt_names.push(SanType::IpAddress(Ipv4Addr::LOCALHOST.into()));
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &Issuer::new(authority_params()?, authority_key))?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        Ok(Self { authority, config: Arc::new(config) })
    }

    /// The PEM file with the authority's certificate.
    pub(crate) fn authority(&self) -> &Path {
        &self.authority
    }
}

/// The authority, as itself and as what a leaf names.
fn authority_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    // Another name than the leaf's, which would pass for self-signed otherwise.
    params.distinguished_name.push(DnType::CommonName, "Sporlog bench authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// Accepts TLS connections for `axum::serve`.
pub(crate) struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl TlsListener {
    pub(crate) fn new(listener: TcpListener, tls: &Tls) -> Self {
        Self { listener, acceptor: TlsAcceptor::from(Arc::clone(&tls.config)) }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            // A small answer must not wait for the acknowledgement of the one before.
            let _ = stream.set_nodelay(true);
            // A client that breaks off in the handshake is its own affair.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
