//! A private PostgreSQL as durable as a real one: synced, on the disk. (The tests have another, which syncs nothing.)

use std::{
    fs,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::Outcome;

/// The directories PostgreSQL's Debian packages install below.
const INSTALLED: &str = "/usr/lib/postgresql";
/// All else is as it comes.
const SETTINGS: &str = "-c listen_addresses=127.0.0.1 -c max_connections=100 -c fsync=on -c synchronous_commit=on";

/// A running server. Dropping it stops it and removes its data.
pub(crate) struct Postgres {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    /// Stops the server when its input is closed, which the kernel does however this process ends.
    keeper: Child,
}

impl Postgres {
    pub(crate) fn start(below: &Path) -> Outcome<Self> {
        let bin = newest_bin()?;
        let template = below.join("farhand-postgres.XXXXXX").display().to_string();
        let dir = PathBuf::from(run(as_postgres(Path::new("mktemp")).args(["-d", &template]))?.trim());
        let keeper = keep(&bin, &dir)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Self { bin, dir, port, keeper };
        let data = server.dir.join("data");
        let initdb = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D"];
        run(as_postgres(&server.bin.join("initdb")).args(initdb).arg(&data))?;
        let options = format!("{SETTINGS} -k {} -p {port}", server.dir.display());
        let mut start = as_postgres(&server.bin.join("pg_ctl"));
        start.arg("-D").arg(&data).arg("-l").arg(server.dir.join("log")).args(["-o", &options, "-w", "start"]);
        // The server would inherit a pipe and hold it open.
        let status = start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if status.success() {
            return Ok(server);
        }
        let log = fs::read_to_string(server.dir.join("log")).unwrap_or_default();
        Err(format!("PostgreSQL does not start: {status}\n{log}").into())
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) fn create_database(&self, name: &str) -> Outcome {
        self.run("postgres", &format!("CREATE DATABASE {name}"))
    }

    pub(crate) fn run(&self, database: &str, sql: &str) -> Outcome {
        run(self.program("psql").args(["--quiet", "-c", sql, database])).map(drop)
    }

    /// One of PostgreSQL's programs, told where the server is.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()]);
        command
    }

    /// The process whose children serve the connections.
    pub(crate) fn pid(&self) -> Outcome<u32> {
        let file = fs::read_to_string(self.dir.join("data/postmaster.pid"))?;
        Ok(file.lines().next().unwrap_or_default().trim().parse()?)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // It ends by itself; waited for, so that nothing is left when the bench is over.
        let _ = self.keeper.wait();
    }
}

/// In its own process group, so that Ctrl-C does not end it first.
fn keep(bin: &Path, dir: &Path) -> Outcome<Child> {
    let script = r#"cat >/dev/null; "$1/pg_ctl" -D "$2/data" -m immediate -w stop >/dev/null 2>&1; rm -rf "$2""#;
    let mut keeper = as_postgres(Path::new("sh"));
    keeper.args(["-c", script, "keeper"]).arg(bin).arg(dir).process_group(0);
    Ok(keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// PostgreSQL refuses to run as root, and `postgres` may not be able to enter the current directory.
fn as_postgres(program: &Path) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut runuser = Command::new("runuser");
        runuser.args(["-u", "postgres", "--"]).arg(program);
        runuser
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

fn run(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

fn newest_bin() -> Outcome<PathBuf> {
    let missing = "PostgreSQL is missing: apt-get install postgresql";
    let versions = fs::read_dir(INSTALLED).map_err(|_| missing)?.filter_map(Result::ok);
    let versions = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let newest = versions.max().ok_or(missing)?;
    Ok(Path::new(INSTALLED).join(newest.to_string()).join("bin"))
}
