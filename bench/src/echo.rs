//! The floor of a ring: a WebSocket server that makes each message durable, one synced commit for each, and sends it
//! back. No HTTP request, no account, no call.

use std::{io::Write as _, path::Path, process::Stdio, sync::Arc};

use axum::{
    Router,
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    routing::get,
    serve::ListenerExt as _,
};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, SqlxSqliteConnector, Statement,
    sqlx::{
        ConnectOptions as _,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
};

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
    let router = Router::new().route("/rtc/ws", get(upgrade)).with_state(commits);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            eprintln!("TCP_NODELAY: {error}");
        }
    });
    Ok(axum::serve(listener, router).await?)
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

async fn upgrade(
    State(commits): State<Arc<DatabaseConnection>>,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    upgrade.on_upgrade(async move |socket| {
        if let Err(error) = echo(socket, &commits).await {
            eprintln!("echo: {error}");
        }
    })
}

async fn echo(mut socket: WebSocket, commits: &DatabaseConnection) -> Outcome {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let insert = "INSERT INTO message (text) VALUES (?)";
        let values = [text.as_str().into()];
        commits.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, insert, values)).await?;
        socket.send(Message::Text(text)).await?;
    }
    Ok(())
}
