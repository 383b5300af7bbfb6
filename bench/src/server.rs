//! The server that is measured: the release binary, started as an administrator would.

use std::{
    env,
    fs::File,
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;

/// A start that takes longer has failed.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How often it is asked whether it is ready: what the time to ready can be wrong by.
const ASK_EVERY: Duration = Duration::from_millis(1);

pub(crate) struct Server {
    child: Child,
    address: String,
    ready_after: Duration,
}

impl Server {
    /// Starts it and waits until it is ready. What it logs goes into a file beside its data directory.
    pub(crate) fn start(binary: &Path, data: &Path, settings: &[(&str, &str)]) -> Outcome<Self> {
        Self::run(Command::new(binary), IpAddr::V4(Ipv4Addr::LOCALHOST), data, settings)
    }

    /// The same on one core and at another address.
    pub(crate) fn start_on(
        binary: &Path,
        core: &str,
        ip: IpAddr,
        data: &Path,
        settings: &[(&str, &str)],
    ) -> Outcome<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", core]).arg(binary);
        Self::run(command, ip, data, settings)
    }

    fn run(mut command: Command, ip: IpAddr, data: &Path, settings: &[(&str, &str)]) -> Outcome<Self> {
        let address = TcpListener::bind((ip, 0))?.local_addr()?.to_string();
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FARHAND_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--listen", &address, "--data"]).arg(data).envs(settings.iter().copied());
        // All that is measured comes from one address.
        command.env("FARHAND_HTTP__CONNECTIONS_PER_ADDRESS", "0");
        let log = data.with_extension("log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let mut server = Self { child, address, ready_after: Duration::ZERO };
        while !is_ready(&server.address) {
            if server.child.try_wait()?.is_some() || started.elapsed() > READY_WITHIN {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("the server did not become ready:\n{log}").into());
            }
            thread::sleep(ASK_EVERY);
        }
        server.ready_after = started.elapsed();
        Ok(server)
    }

    pub(crate) fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// `host:port`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Outcome {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_ready(address: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        write!(stream, "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
