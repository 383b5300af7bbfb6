//! What a database says, as one of three things a caller can act on.

use sea_orm::{DbErr, RuntimeErr, sqlx};

use crate::StoreError;

#[expect(clippy::wildcard_enum_match_arm, reason = "SeaORM may add errors at any time")]
impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let text = error.to_string();
        match error {
            DbErr::ConnectionAcquire(_) => Self::Unavailable(text),
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => from_sqlx(&error),
            // What is left speaks of rows and schemas that are not as this version writes them.
            _ => Self::Corrupt(text),
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "sqlx may add errors at any time")]
pub(crate) fn from_sqlx(error: &sqlx::Error) -> StoreError {
    let text = error.to_string();
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            if database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                from_sqlite(&code, text)
            } else {
                from_postgres(&code, text)
            }
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::TypeNotFound { .. } => {
            StoreError::Corrupt(text)
        }
        // Connection, pool, TLS, protocol, a worker that died: gone now, maybe back later.
        _ => StoreError::Unavailable(text),
    }
}

/// By primary result code, <https://www.sqlite.org/rescode.html>; the extended code only adds detail above its low byte.
fn from_sqlite(code: &str, text: String) -> StoreError {
    /// No such table, malformed, and not a database at all.
    const UNREADABLE: [i32; 3] = [1, 11, 26];
    /// Too big, a constraint, a wrong type: about the row, not the database.
    const ABOUT_THE_ROW: [i32; 3] = [18, 19, 20];
    match code.parse::<i32>().map(|code| code & 0xff) {
        Ok(code) if UNREADABLE.contains(&code) => StoreError::Corrupt(text),
        Ok(code) if ABOUT_THE_ROW.contains(&code) => StoreError::Constraint(text),
        _ => StoreError::Unavailable(text),
    }
}

/// By the class of the SQLSTATE, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn from_postgres(code: &str, text: String) -> StoreError {
    match code.get(..2) {
        // Data exception (such as a NUL in a text) and integrity constraint: about the row, not the database.
        Some("22" | "23") => StoreError::Constraint(text),
        // Syntax or a missing table, feature not supported, internal error such as a broken page.
        Some("42" | "0A" | "XX") => StoreError::Corrupt(text),
        _ => StoreError::Unavailable(text),
    }
}
