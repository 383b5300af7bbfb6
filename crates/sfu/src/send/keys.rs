//! The keys of a connection's media. The engine makes them in its DTLS handshake (RFC 5764) and keeps them to itself; as its cryptography can
//! be replaced, a thin layer around its DTLS takes them down for the send half.

use std::{
    cell::RefCell,
    sync::{Arc, OnceLock},
    time::Instant,
};

use str0m::crypto::{
    CryptoError, CryptoProvider,
    dtls::{
        DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, KeyingMaterial, ProtocolVersion,
        SrtpProfile,
    },
};

/// What a handshake has agreed on.
pub(crate) struct Agreed {
    pub(crate) material: KeyingMaterial,
    pub(crate) profile: SrtpProfile,
    /// This end was the DTLS client.
    pub(crate) client: bool,
}

/// Empty until the handshake is done.
pub(crate) type Keys = Arc<OnceLock<Agreed>>;

thread_local! {
    /// The keys of the connection that was made last in this thread.
    static MADE: RefCell<Option<Keys>> = const { RefCell::new(None) };
}

/// The engine's cryptography, with the layer around its DTLS.
pub(crate) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| Arc::new(CryptoProvider { dtls_provider: &Listening, ..str0m::crypto::from_feature_flags() }))
}

/// Makes a connection and returns the place where its keys will be.
pub(crate) fn listen<T>(make: impl FnOnce() -> T) -> (T, Keys) {
    MADE.take();
    let made = make();
    (made, MADE.take().unwrap_or_default())
}

#[derive(Debug)]
struct Listening;

impl Listening {
    fn inner() -> &'static dyn DtlsProvider {
        static INNER: OnceLock<CryptoProvider> = OnceLock::new();
        INNER.get_or_init(str0m::crypto::from_feature_flags).dtls_provider
    }
}

impl DtlsProvider for Listening {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        Self::inner().generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let inner = Self::inner().new_dtls(certificate, now, version, mtu)?;
        let keys = Keys::default();
        MADE.set(Some(Arc::clone(&keys)));
        Ok(Box::new(Instance { inner, keys }))
    }
}

struct Instance {
    inner: Box<dyn DtlsInstance>,
    keys: Keys,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the keys.
        f.debug_tuple("Instance").field(&self.inner).finish()
    }
}

impl DtlsInstance for Instance {
    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.inner.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            let material = KeyingMaterial::new(material);
            // A second handshake on the same connection would be refused by the engine.
            let _set = self.keys.set(Agreed { material, profile: *profile, client: self.inner.is_active() });
        }
        output
    }

    fn set_active(&mut self, active: bool) {
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.inner.handle_packet(packet)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.inner.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.inner.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.inner.close()
    }
}
