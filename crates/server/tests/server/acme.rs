//! A certificate from a real authority's program (`pebble`), proved on the server's own port.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use farhand_testkit::{Server, WAIT, ports};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

const NAME: &str = "calls.example.com";

/// Ended with the test.
struct Authority(Vec<Child>);

impl Drop for Authority {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A certificate for the authority's own address, and one that vouches for it.
fn write_certificates(directory: &Path) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(directory.join("root.pem"), root.self_signed(&root_key).unwrap().pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
    fs::write(directory.join("own.pem"), certificate.pem()).unwrap();
    fs::write(directory.join("own.key"), key.serialize_pem()).unwrap();
}

/// Runs the authority, which looks for every name at this address; its certificates live so many seconds.
async fn authority(directory: &Path, server: SocketAddr, life: u64) -> (Authority, SocketAddr) {
    write_certificates(directory);
    let (listen, manage, names) = (ports::free(), ports::free(), ports::free());
    let own = |name: &str| directory.join(name).display().to_string();
    let config = serde_json::json!({"pebble": {
        "listenAddress": listen.to_string(), "managementListenAddress": manage.to_string(),
        "certificate": own("own.pem"), "privateKey": own("own.key"),
        "httpPort": 9, "tlsPort": server.port(), "externalAccountBindingRequired": false,
        "certificateValidityPeriod": life,
    }});
    fs::write(directory.join("pebble.json"), config.to_string()).unwrap();
    let resolver = [
        "-dns01",
        &names.to_string(),
        "-defaultIPv4",
        "127.0.0.1",
        "-defaultIPv6",
        "",
        "-http01",
        "",
        "-https01",
        "",
        "-tlsalpn01",
        "",
        "-management",
        &ports::free().to_string(),
    ]
    .map(str::to_owned);
    let run = |program: &str, args: &[String]| {
        let mut command = Command::new(program);
        command.args(args).env("PEBBLE_VA_NOSLEEP", "1").stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap_or_else(|error| panic!("{program}: {error}; it is in xtask/packages.txt"))
    };
    let resolver = run("pebble-challtestsrv", &resolver);
    let arguments = ["-config".to_owned(), own("pebble.json"), "-dnsserver".to_owned(), names.to_string()];
    let running = Authority(vec![resolver, run("pebble", &arguments)]);
    let listening = async {
        while TcpStream::connect(listen).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(WAIT, listening).await.unwrap_or_else(|_| panic!("the authority does not listen"));
    (running, listen)
}

/// Trusts whoever has issued the certificate that the server has been given.
fn trust(data: &Path) -> Option<ClientConfig> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(data.join("tls/acme.pem")).ok()?.collect::<Result<_, _>>().ok()?;
    let mut roots = RootCertStore::empty();
    // The server's own stands alone.
    roots.add(chain.get(1)?.clone()).ok()?;
    Some(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

async fn is_shown(server: &Server) -> bool {
    let Some(config) = trust(&server.data_dir()) else { return false };
    let stream = TcpStream::connect(server.address()).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(NAME).unwrap(), stream).await.is_ok()
}

#[tokio::test]
async fn a_certificate_is_got_from_the_authority_used_at_once_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let listen = ports::free();
    let (running, authority) = authority(directory.path(), listen, 90 * 24 * 3600).await;
    let root = directory.path().join("root.pem");
    let mut server = Server::with(|config| {
        config.listen = listen;
        config.tls.acme.domains = vec![NAME.to_owned()];
        config.tls.acme.directory = format!("https://localhost:{}/dir", authority.port());
        config.tls.acme.root = Some(root);
    })
    .await;
    let issued = async {
        while !is_shown(&server).await {
            tokio::task::yield_now().await;
        }
    };
    timeout(WAIT, issued).await.unwrap_or_else(|_| panic!("no certificate of the authority is shown"));
    for file in ["acme.pem", "acme-account.json"] {
        let mode = fs::metadata(server.data_dir().join("tls").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    drop(running);
    let first = fs::read(server.data_dir().join("tls/acme.pem")).unwrap();
    server.restart().await;
    assert!(is_shown(&server).await, "without the authority");
    assert_eq!(fs::read(server.data_dir().join("tls/acme.pem")).unwrap(), first);
}

#[tokio::test]
async fn a_certificate_is_renewed_before_it_runs_out_however_short_it_lives() {
    let directory = tempfile::tempdir().unwrap();
    let listen = ports::free();
    let (_running, authority) = authority(directory.path(), listen, 6).await;
    let root = directory.path().join("root.pem");
    let server = Server::with(|config| {
        config.listen = listen;
        config.tls.acme.domains = vec![NAME.to_owned()];
        config.tls.acme.directory = format!("https://localhost:{}/dir", authority.port());
        config.tls.acme.root = Some(root);
    })
    .await;
    let certificate = || fs::read(server.data_dir().join("tls/acme.pem")).ok();
    let mut seen = Vec::new();
    // Its own, until there is one; the first; and one that came by itself.
    let renewed = async {
        while seen.len() < 3 {
            if let Some(now) = certificate().filter(|now| seen.last() != Some(now)) {
                seen.push(now);
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(2 * WAIT, renewed).await.unwrap_or_else(|_| panic!("it is not renewed"));
    assert!(is_shown(&server).await);
}
