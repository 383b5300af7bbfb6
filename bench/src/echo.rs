//! The floor of a ring: a WebSocket server that makes each message durable, one synced commit for each, and sends it
//! back. No HTTP request, no account, no call.

use std::{io::Write as _, path::Path, process::Stdio, sync::Arc};

use futures_util::{SinkExt as _, StreamExt as _};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, SqlxSqliteConnector, Statement,
    sqlx::{
        ConnectOptions as _,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

use crate::Outcome;

/// The other process, as the bench sees it. Ends when it is dropped.
pub(crate) struct Echo {
    _child: Child,
    pub(crate) url: String,
}

impl Echo {
    pub(crate) async fn start(data: &Path) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("echo").arg("--data").arg(data).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or("the echo server has no output")?;
        let url = BufReader::new(output).lines().next_line().await?.ok_or("the echo server did not start")?;
        Ok(Self { _child: child, url })
    }
}

/// Serves until it is killed, and says where first.
pub(crate) async fn serve(data: &Path) -> Outcome {
    let commits = Arc::new(open(data).await?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    loop {
        let (connection, _) = listener.accept().await?;
        let commits = Arc::clone(&commits);
        tokio::spawn(async move {
            if let Err(error) = echo(connection, &commits).await {
                eprintln!("echo: {error}");
            }
        });
    }
}

/// As durable as the server's own database.
async fn open(data: &Path) -> Outcome<DatabaseConnection> {
    let options = SqliteConnectOptions::new()
        .filename(data.join("floor.sqlite"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false).connect_with(options).await?;
    let database = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
    database.execute_unprepared("CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT NOT NULL)").await?;
    Ok(database)
}

async fn echo(connection: TcpStream, commits: &DatabaseConnection) -> Outcome {
    connection.set_nodelay(true)?;
    let mut socket = accept_async(connection).await?;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let insert = "INSERT INTO message (text) VALUES (?)";
        let values = [text.as_str().into()];
        commits.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, insert, values)).await?;
        socket.send(Message::Text(text)).await?;
    }
    Ok(())
}
