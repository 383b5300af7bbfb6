//! A real SMS gateway for tests: Debian's Kannel, whose carrier is its own `fakesmsc`. That one takes every text, writes it down and
//! reports it delivered.

use std::{net::SocketAddr, path::Path, process::Stdio};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use crate::{WAIT, ports};

const BEARERBOX: &str = "/usr/sbin/bearerbox";
const SMSBOX: &str = "/usr/sbin/smsbox";
const FAKESMSC: &str = "/usr/lib/kannel/test/fakesmsc";

/// Runs "$@" until its standard input is closed, which the kernel does even for a killed process.
const KEEPER: &str = r#""$@" </dev/null & child=$!; cat >/dev/null; kill -9 $child; wait"#;

/// Groups are separated by blank lines. Without a name for the carrier there are no reports.
const CONFIGURATION: &str = "
group = core
admin-port = ADMIN
admin-password = secret
smsbox-port = BOX
box-allow-ip = 127.0.0.1
dlr-storage = internal
store-type = spool
store-location = SPOOL

group = smsc
smsc = fake
smsc-id = carrier
port = CARRIER
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = HTTP
sendsms-interface = 127.0.0.1

group = sendsms-user
username = farhand
password = secret
default-sender = farhand
max-messages = 4
concatenation = true
";

/// What the carrier got: a text, or one of several parts of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub from: String,
    pub to: String,
    pub text: String,
    /// Which one of how many, from 1.
    pub number: Option<(u8, u8)>,
}

/// A running gateway with its carrier. They end when this is dropped, and with the process that started them, however that ends.
pub struct Kannel {
    configuration: String,
    admin: u16,
    http: u16,
    carrier_port: u16,
    gateway: Vec<Program>,
    carrier: Option<Program>,
    parts: watch::Sender<Vec<Part>>,
    _directory: TempDir,
}

impl Kannel {
    pub async fn start() -> Self {
        let directory = TempDir::with_prefix("farhand-kannel-").unwrap();
        let spool = directory.path().join("spool");
        std::fs::create_dir(&spool).unwrap();
        let [admin, boxes, carrier_port, http] = [(); 4].map(|()| ports::free().port());
        let values = [("ADMIN", admin), ("BOX", boxes), ("CARRIER", carrier_port), ("HTTP", http)];
        let text =
            values.iter().fold(CONFIGURATION.to_owned(), |text, (name, port)| text.replace(name, &port.to_string()));
        let file = directory.path().join("kannel.conf");
        std::fs::write(&file, text.replace("SPOOL", &spool.display().to_string())).unwrap();
        let mut gateway = Self {
            configuration: file.display().to_string(),
            admin,
            http,
            carrier_port,
            gateway: Vec::new(),
            carrier: None,
            parts: watch::Sender::default(),
            _directory: directory,
        };
        gateway.resume().await;
        gateway.attach().await;
        gateway
    }

    /// With name and password; what is to be sent is to be added.
    pub fn sendsms_url(&self) -> String {
        format!("http://{}/cgi-bin/sendsms?username=farhand&password=secret", self.address())
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.http))
    }

    /// What the carrier has got since the gateway was started first, once it is so much.
    pub async fn wait_for(&self, parts: usize) -> Vec<Part> {
        let mut all = self.parts.subscribe();
        let enough = timeout(WAIT, all.wait_for(|all| all.len() >= parts)).await;
        let Ok(Ok(enough)) = enough else {
            panic!("the carrier did not get {parts} parts within {WAIT:?}, but {:?}", self.parts.borrow());
        };
        enough.clone()
    }

    /// Ends the gateway: then nobody listens at its address.
    pub async fn stop(&mut self) {
        // The one that speaks HTTP first: it logs in with the other.
        while let Some(program) = self.gateway.pop() {
            program.stop().await;
        }
    }

    /// Starts it again after [`Self::stop`], where it was before. The carrier comes back with [`Self::attach`].
    pub async fn resume(&mut self) {
        let arguments = |file: &str| ["-v", "0", file].map(str::to_owned);
        let mut bearerbox = Program::start(BEARERBOX, &arguments(&self.configuration), |_| ());
        bearerbox.said("Start-up done").await;
        let smsbox = Program::start(SMSBOX, &arguments(&self.configuration), |_| ());
        bearerbox.said("Client connected from").await;
        self.gateway = vec![bearerbox, smsbox];
        let listening = async {
            while tokio::net::TcpStream::connect(self.address()).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(WAIT, listening).await.unwrap_or_else(|_| panic!("the gateway does not listen"));
    }

    /// Ends the carrier: the gateway takes texts and keeps them.
    pub async fn detach(&mut self) {
        if let Some(carrier) = self.carrier.take() {
            carrier.stop().await;
            self.carrier_is("re-connecting").await;
        }
    }

    /// Starts the carrier again after [`Self::detach`].
    pub async fn attach(&mut self) {
        let arguments = ["-H", "127.0.0.1", "-r", &self.carrier_port.to_string(), "-m", "0", "1 2 text none"];
        let parts = self.parts.clone();
        let note = move |line: &str| {
            if let Some(part) = read_part(line) {
                parts.send_modify(|parts| parts.push(part));
            }
        };
        self.carrier = Some(Program::start(FAKESMSC, &arguments.map(str::to_owned), note));
        self.carrier_is("online").await;
    }

    /// Until the gateway says so. It logs connections before it counts them.
    async fn carrier_is(&self, state: &str) {
        let url = format!("http://127.0.0.1:{}/status.txt?password=secret", self.admin);
        let expected = format!("({state}");
        let reached = async {
            while !reqwest::get(&url).await.unwrap().text().await.unwrap().contains(&expected) {
                tokio::task::yield_now().await;
            }
        };
        timeout(WAIT, reached).await.unwrap_or_else(|_| panic!("the carrier is not {state}"));
    }
}

/// A program that writes to its standard error what it does.
struct Program {
    name: &'static str,
    /// Its standard input is open as long as it is to run.
    keeper: Child,
    lines: watch::Receiver<Vec<String>>,
    /// Up to here they have been waited for.
    seen: usize,
    reader: JoinHandle<()>,
}

impl Program {
    fn start(name: &'static str, arguments: &[String], note: impl Fn(&str) + Send + 'static) -> Self {
        assert!(Path::new(name).exists(), "{name} is missing: apt-get install kannel kannel-extras");
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper", name]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut keeper = command.spawn().unwrap();
        let mut said = BufReader::new(keeper.stderr.take().unwrap());
        let (to, lines) = watch::channel(Vec::new());
        let reader = tokio::spawn(async move {
            let mut line = Vec::new();
            while said.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                note(&text);
                to.send_modify(|lines: &mut Vec<String>| lines.push(text));
                line.clear();
            }
        });
        Self { name, keeper, lines, seen: 0, reader }
    }

    /// Until it says so, after what was waited for last.
    async fn said(&mut self, what: &str) {
        let from = self.seen;
        let find = |lines: &Vec<String>| lines.iter().skip(from).position(|line| line.contains(what));
        let found = timeout(WAIT, self.lines.wait_for(|lines| find(lines).is_some())).await;
        let found = found.ok().and_then(Result::ok).and_then(|lines| find(&lines));
        let Some(index) = found else {
            panic!("{} did not say {what:?} within {WAIT:?}, but {:#?}", self.name, self.lines.borrow());
        };
        self.seen = from + index + 1;
    }

    async fn stop(mut self) {
        drop(self.keeper.stdin.take());
        timeout(WAIT, self.keeper.wait()).await.unwrap_or_else(|_| panic!("{} does not end", self.name)).unwrap();
        // What it said at last has been noted then.
        self.reader.await.unwrap();
    }
}

/// `… Got message 1: <from to text …>`, `<from to data …>` or `<from to udh … data …>`, all but plain text in percent signs.
fn read_part(line: &str) -> Option<Part> {
    let (_, message) = line.split_once(": <").filter(|(before, _)| before.contains("Got message "))?;
    let mut words = message.strip_suffix('>')?.splitn(4, ' ');
    let (from, to, mut kind, mut rest) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mut number = None;
    if kind == "udh" {
        let mut words = rest.splitn(3, ' ');
        let header = percent_decoded(words.next()?);
        // Length, "concatenated", length, reference, how many, which one.
        number = Some((*header.get(5)?, *header.get(4)?));
        (kind, rest) = (words.next()?, words.next()?);
    }
    let text = if kind == "text" { rest.to_owned() } else { from_ucs2(&percent_decoded(rest)) };
    Some(Part { from: from.to_owned(), to: to.to_owned(), text, number })
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let mut digit = || char::from(bytes.next().unwrap()).to_digit(16).unwrap();
        decoded.push(match byte {
            b'%' => u8::try_from(16 * digit() + digit()).unwrap(),
            b'+' => b' ',
            other => other,
        });
    }
    decoded
}

fn from_ucs2(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, number: Option<(u8, u8)>) -> Part {
        Part { from: "farhand".to_owned(), to: "+49123".to_owned(), text: text.to_owned(), number }
    }

    #[test]
    fn what_the_carrier_writes_is_read() {
        let read = |message: &str| read_part(&format!("2026-11-23 07:58:23 [1] [0] DEBUG: Got message 1: <{message}>"));
        assert_eq!(read("farhand +49123 text a > b: <c>"), Some(part("a > b: <c>", None)));
        assert_eq!(read("farhand +49123 data %00G%00r+%AC"), Some(part("Gr\u{20ac}", None)));
        assert_eq!(read("farhand +49123 udh %05%00%03%01%02%01 data %00G"), Some(part("G", Some((1, 2)))));
        assert_eq!(read("nonsense"), None);
        assert_eq!(read_part("2026-11-23 07:58:21 [1] [0] DEBUG: Connecting to <127.0.0.1>"), None);
    }

    async fn send(gateway: &Kannel, text: &str, more: &str) -> String {
        let url = format!("{}&to=%2B49123&charset=UTF-8&text={text}{more}", gateway.sendsms_url());
        reqwest::get(url).await.unwrap().text().await.unwrap()
    }

    #[tokio::test]
    async fn texts_go_through_to_the_carrier_whole_and_in_parts() {
        let gateway = Kannel::start().await;
        assert_eq!(send(&gateway, "Hello%20there", "").await, "0: Accepted for delivery");
        assert_eq!(gateway.wait_for(1).await, [part("Hello there", None)]);
        send(&gateway, &"%C3%BC".repeat(80), "&coding=2").await;
        let parts = gateway.wait_for(3).await;
        assert_eq!(parts[1..], [part(&"\u{fc}".repeat(67), Some((1, 2))), part(&"\u{fc}".repeat(13), Some((2, 2)))]);
    }

    #[tokio::test]
    async fn what_it_took_while_the_carrier_was_away_is_kept_and_it_can_be_stopped() {
        let mut gateway = Kannel::start().await;
        gateway.detach().await;
        assert_eq!(send(&gateway, "kept", "").await, "3: Queued for later delivery");
        gateway.stop().await;
        assert!(tokio::net::TcpStream::connect(gateway.address()).await.is_err());
        gateway.resume().await;
        gateway.attach().await;
        assert_eq!(gateway.wait_for(1).await, [part("kept", None)]);
    }
}
