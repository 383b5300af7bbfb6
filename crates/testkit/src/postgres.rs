//! A private PostgreSQL for tests: made in a temporary directory, gone when the process that started it ends, however
//! it ends. Nothing but the standard library, so that any test can include this file.

use std::{
    fs, io,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The directories PostgreSQL's Debian packages install below.
const INSTALLED: &str = "/usr/lib/postgresql";

/// What tests do not need costs time. Many stores with a pool each are open at once.
const SETTINGS: &str = "-c fsync=off -c full_page_writes=off -c max_connections=400 -c shared_buffers=64MB \
                        -c listen_addresses=127.0.0.1";

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    /// Holds the writing end of the pipe whose closing makes the keeper clean up.
    keeper: Child,
}

impl Postgres {
    /// Makes a new cluster and starts it. Fails with a line that says what to install if there is no PostgreSQL.
    pub fn start() -> io::Result<Self> {
        let bin = newest_bin()?;
        let dir = run(&mut as_postgres("mktemp", &["-d", "/tmp/farhand-postgres.XXXXXX"]))?;
        let dir = PathBuf::from(dir.trim());
        let keeper = keep(&bin, &dir)?;
        let initdb = bin.join("initdb").display().to_string();
        let data = dir.join("data").display().to_string();
        let options = ["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"];
        run(&mut as_postgres(&initdb, &options))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Self { bin, dir, port, keeper };
        server.resume()?;
        Ok(server)
    }

    /// The address of one of its databases; `postgres` is always there.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Ends all connections and the server.
    pub fn stop(&self) -> io::Result<()> {
        self.pg_ctl(&["-m", "fast", "-w", "stop"])
    }

    /// Starts it again after [`Self::stop`], at the same address with the same data.
    pub fn resume(&self) -> io::Result<()> {
        let options = format!("{SETTINGS} -k {} -p {}", self.dir.display(), self.port);
        let log = self.dir.join("log").display().to_string();
        self.pg_ctl(&["-l", &log, "-o", &options, "-w", "start"])
    }

    /// Starts it again so that it takes connections over TLS only. Answers its certificate, which is for 127.0.0.1 and nobody
    /// else vouches for.
    pub fn with_tls_only(&self) -> io::Result<PathBuf> {
        self.stop()?;
        let data = self.dir.join("data").display().to_string();
        let script = r#"cd "$1" && openssl req -x509 -config /dev/null -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
            -keyout server.key -out server.crt -days 2 -subj /CN=postgres -addext subjectAltName=IP:127.0.0.1 \
            -addext basicConstraints=critical,CA:FALSE && chmod 600 server.key && echo 'ssl = on' >>postgresql.conf &&
            echo 'hostssl all all 127.0.0.1/32 trust' >pg_hba.conf"#;
        run(&mut as_postgres("sh", &["-c", script, "tls", &data]))?;
        self.resume()?;
        Ok(self.dir.join("data/server.crt"))
    }

    /// Keeps all connections and answers none, like a host behind a cut cable.
    pub fn freeze(&self) -> io::Result<()> {
        self.signal("STOP")
    }

    /// Ends [`Self::freeze`].
    pub fn thaw(&self) -> io::Result<()> {
        self.signal("CONT")
    }

    /// To the server, so that it takes no new connections, and to its processes, one of which each connection has.
    fn signal(&self, signal: &str) -> io::Result<()> {
        let pid_file = fs::read_to_string(self.dir.join("data/postmaster.pid"))?;
        let server = pid_file.lines().next().unwrap_or_default().trim();
        run(&mut as_postgres("kill", &["-s", signal, server]))?;
        run(&mut as_postgres("pkill", &[&format!("-{signal}"), "-P", server])).map(|_| ())
    }

    fn pg_ctl(&self, arguments: &[&str]) -> io::Result<()> {
        let program = self.bin.join("pg_ctl").display().to_string();
        let data = self.dir.join("data").display().to_string();
        let mut command = as_postgres(&program, &["-D", &data]);
        command.args(arguments).stdin(Stdio::null());
        // The server would inherit a pipe and hold it open.
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if status.success() {
            return Ok(());
        }
        let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        Err(io::Error::other(format!("pg_ctl {arguments:?}: {status}\n{log}")))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // It ends by itself; waited for, so that nothing of it is left when the test is over.
        let _ = self.keeper.wait();
    }
}

/// A shell that waits until this process closes its end of a pipe, which the kernel does even for a killed process, and
/// then stops the server and removes the directory. In its own process group, so that Ctrl-C does not end it first.
fn keep(bin: &Path, dir: &Path) -> io::Result<Child> {
    // Thawed first: a frozen server takes no order to stop.
    let script = r#"cat >/dev/null; server=$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null)
        test -n "$server" && kill -s CONT "$server" && pkill -CONT -P "$server"
        "$1/pg_ctl" -D "$2/data" -m immediate -w stop >/dev/null 2>&1; rm -rf "$2""#;
    let arguments = ["-c", script, "keeper", &bin.display().to_string(), &dir.display().to_string()];
    as_postgres("sh", &arguments)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// PostgreSQL refuses to run as root, and a checkout may lie where `postgres` cannot enter: hence also the directory.
fn as_postgres(program: &str, arguments: &[&str]) -> Command {
    let mut command = if is_root() {
        let mut runuser = Command::new("runuser");
        runuser.args(["-u", "postgres", "--", program]);
        runuser
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir("/tmp");
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0)
}

fn run(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?}: {}\n{words}", output.status)))
}

fn newest_bin() -> io::Result<PathBuf> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, "PostgreSQL is missing: apt-get install postgresql");
    let versions = fs::read_dir(INSTALLED).map_err(|_| missing())?.filter_map(Result::ok);
    let versions = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let newest = versions.max().ok_or_else(missing)?;
    Ok(Path::new(INSTALLED).join(newest.to_string()).join("bin"))
}
