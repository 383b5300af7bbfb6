//! `farhand demo`: a server with made-up people, and the self-test that plays a whole call on it.

use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use clap::Args;
use farhand_server::{
    Sockets,
    auth::hash_password,
    config::{Config, TlsConfig},
    world::SystemClock,
};
use farhand_store::{Store, model::NewUser};
use tokio::sync::oneshot;

use crate::{
    chosen::{self, Failure},
    cli::{Listen, Place},
    selftest,
};

const DOMAIN: &str = "ubimax";
const PASSWORD: &str = "demo";

/// Login name, display name, role, and the database id where integrations rely on it.
const PEOPLE: [(&str, &str, &str, Option<i64>); 8] = [
    ("tester", "Tester", "expert", Some(8)),
    ("glasses1", "Glasses 1", "technician", Some(12)),
    ("callertest1", "Caller Test 1", "expert", None),
    ("callertest2", "Caller Test 2", "expert", None),
    ("expert1", "Expert 1", "expert", None),
    ("expert2", "Expert 2", "expert", None),
    ("connector1", "Connector 1", "connector", None),
    ("admin", "Administrator", "admin", None),
];

#[derive(Args)]
pub struct DemoArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    listen: Listen,
    /// Play a whole brokered call with real media on this server, print each step, and exit 0 only if all is right.
    #[arg(long)]
    self_test: bool,
    /// Let one side lie about its certificate: the self-test must fail.
    #[arg(long, hide = true, requires = "self_test")]
    tamper_fingerprint: bool,
}

pub async fn run(args: DemoArgs) -> Result<ExitCode, Failure> {
    chosen::start_log("warn");
    let mut config = chosen::config(&args.place, Some(&args.listen))?;
    if args.self_test && args.listen.listen.is_none() {
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    }
    if !config.listen.ip().is_loopback() {
        return Err(Failure::new(format!(
            "the demo's passwords are public, so it listens on this machine only, not on {}. Use `farhand serve`.",
            config.listen
        )));
    }
    if args.self_test {
        // Its people speak plain HTTP.
        config.tls = TlsConfig::default();
    }
    let throw_away = throw_away_unless_chosen(&args.place, &mut config)?;
    let shutdown = chosen::shutdown()?;
    let sockets = Sockets::bind(&config)?;
    let address = sockets.address()?;
    let secure = config.has_tls();
    let (_lock, store) = chosen::own_store(&config).await?;
    populate(store.as_ref()).await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let until = async move {
        tokio::select! {
            () = shutdown => {}
            _ = stopped => {}
        }
    };
    let server = farhand_server::run(config, sockets, store, Arc::new(SystemClock), until);
    let code = if args.self_test {
        let test = self_test(address, args.tamper_fingerprint, stop);
        let (served, code) = tokio::join!(server, test);
        served?;
        code
    } else {
        print_welcome(address, secure);
        server.await?;
        drop(stop);
        ExitCode::SUCCESS
    };
    drop(throw_away);
    Ok(code)
}

/// Without `--data` everything is gone after the demo. Its accounts have public passwords: only a directory that was named for
/// it gets them, never the database that a real server's configuration names.
fn throw_away_unless_chosen(place: &Place, config: &mut Config) -> Result<Option<tempfile::TempDir>, Failure> {
    config.database_url = None;
    if place.data.is_some() {
        return Ok(None);
    }
    let dir = tempfile::Builder::new().prefix("farhand-demo-").tempdir()?;
    dir.path().clone_into(&mut config.data_dir);
    Ok(Some(dir))
}

/// Makes the domain and its people, those that are missing: a kept data directory has them.
async fn populate(store: &dyn Store) -> Result<(), Failure> {
    let domain = match store.domain_by_name(DOMAIN).await? {
        Some(domain) => domain,
        None => store.create_domain(DOMAIN).await?,
    };
    let known = store.users(domain.id).await?;
    let missing: Vec<_> = PEOPLE.iter().filter(|(login, ..)| !known.iter().any(|u| u.login == *login)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    // One hash for all: they share a password that is written in the manual.
    let hash = hash_password(PASSWORD).map_err(|e| Failure::new(e.to_string()))?;
    for (login, name, role, id) in missing {
        let user = NewUser {
            id: *id,
            domain_id: domain.id,
            login: (*login).to_owned(),
            display_name: (*name).to_owned(),
            email: None,
            phone: None,
            password_hash: Some(hash.clone()),
            roles: vec![(*role).to_owned()],
            operator: *role == "admin",
        };
        store.create_user(&user).await?;
    }
    Ok(())
}

async fn self_test(address: SocketAddr, tamper_fingerprint: bool, stop: oneshot::Sender<()>) -> ExitCode {
    let options = selftest::Options { tamper_fingerprint, ..selftest::Options::default() };
    let result = selftest::run(&format!("http://{address}"), &options).await;
    // The server may have stopped by itself.
    let _ = stop.send(());
    match result {
        Ok(report) => {
            println!("Self-test passed in {:.1} s.", report.took.as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("Self-test FAILED. {failure}");
            ExitCode::FAILURE
        }
    }
}

fn print_welcome(address: SocketAddr, secure: bool) {
    let url = format!("{}://{address}", if secure { "https" } else { "http" });
    println!("Farhand demo: {url}");
    println!();
    println!("Open it in two browser windows (one of them private) and sign in:");
    println!("  domain {DOMAIN}, password {PASSWORD}");
    for (login, name, role, id) in PEOPLE {
        let id = id.map(|id| format!(", database id {id}")).unwrap_or_default();
        println!("  {login:<12} {name} ({role}{id})");
    }
    println!();
    println!("Let a connector call the expert on behalf of the technician's glasses:");
    println!("{}", curl_line(&url, secure));
    println!();
    println!("The same from Node.js:");
    println!("{}", node_line(&url, secure));
    println!();
    println!("API: {url}/swagger-ui    Stop: Ctrl-C");
}

/// No certificate is made out for an address of this machine, so none is checked.
fn curl_line(url: &str, secure: bool) -> String {
    let curl = if secure { "curl -sk" } else { "curl -s" };
    format!(
        "  TOKEN=$({curl} {url}/auth/login -d '{{\"domain\":\"{DOMAIN}\",\"userId\":\"connector1\",\"password\":\"{PASSWORD}\"}}' \
         | sed 's/.*\"accessToken\":\"\\([^\"]*\\)\".*/\\1/') && {curl} {url}/rtc/createCall \
         -H \"authorization: Bearer $TOKEN\" -d '{{\"callType\":\"MESH\",\"creatorUser\":12,\"callTitle\":\"Pump 7\",\
         \"invitedContacts\":[{{\"userDbId\":8}},{{\"userId\":\"connector1\",\"domain\":\"{DOMAIN}\"}}]}}'"
    )
}

fn node_line(url: &str, secure: bool) -> String {
    let unchecked = if secure { "NODE_TLS_REJECT_UNAUTHORIZED=0 " } else { "" };
    format!(
        "  {unchecked}node --input-type=module -e 'const at = \"{url}\"; const post = (path, body, token) => fetch(at + path, \
         {{method: \"POST\", headers: token ? {{authorization: \"Bearer \" + token}} : {{}}, body: JSON.stringify(body)}}).then((r) => r.json()); \
         const {{accessToken}} = await post(\"/auth/login\", {{domain: \"{DOMAIN}\", userId: \"connector1\", password: \"{PASSWORD}\"}}); \
         console.log(await post(\"/rtc/createCall\", {{callType: \"MESH\", creatorUser: 12, invitedContacts: [{{userDbId: 8}}]}}, accessToken))'"
    )
}
