//! Many rows in one statement. SeaORM's builder writes each value's SQL anew; on the path of every created call that
//! costs more than the database does, and a text per batch size would never stay prepared. So: plain texts, in a few
//! sizes.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use crate::StoreResult;

/// Rows go out in powers of two up to this, so that a table has seven texts. 64 rows of the widest table stay far below
/// SQLite's limit of 32,766 parameters, and more rows would not make a row any cheaper.
const MOST_ROWS: usize = 64;
/// Ids in one `IN` list.
pub(crate) const MOST_IDS: usize = 512;

/// A statement around a list of rows.
pub(crate) struct Bulk {
    pub(crate) before: &'static str,
    pub(crate) columns: usize,
    pub(crate) after: &'static str,
}

impl Bulk {
    /// `values` are whole rows, one after the other.
    pub(crate) async fn execute(&self, db: &impl ConnectionTrait, values: Vec<Value>) -> StoreResult<()> {
        for statement in self.statements(db.get_database_backend(), values) {
            db.execute_raw(statement).await?;
        }
        Ok(())
    }

    /// What the rows return, in no order.
    pub(crate) async fn query(&self, db: &impl ConnectionTrait, values: Vec<Value>) -> StoreResult<Vec<QueryResult>> {
        let mut returned = Vec::with_capacity(values.len() / self.columns);
        for statement in self.statements(db.get_database_backend(), values) {
            returned.extend(db.query_all_raw(statement).await?);
        }
        Ok(returned)
    }

    fn statements(&self, backend: DbBackend, values: Vec<Value>) -> Vec<Statement> {
        let mut rows = values.len() / self.columns;
        let mut values = values.into_iter();
        let mut statements = Vec::new();
        while rows > 0 {
            let size = if rows >= MOST_ROWS { MOST_ROWS } else { 1 << rows.ilog2() };
            let sql = self.text(backend, size);
            statements.push(Statement::from_sql_and_values(backend, sql, values.by_ref().take(size * self.columns)));
            rows -= size;
        }
        statements
    }

    fn text(&self, backend: DbBackend, rows: usize) -> String {
        let mut sql = String::with_capacity(self.before.len() + self.after.len() + rows * (self.columns * 6 + 3));
        sql.push_str(self.before);
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ",(" });
            push_places(&mut sql, backend, row * self.columns, self.columns);
            sql.push(')');
        }
        sql.push_str(self.after);
        sql
    }
}

/// `count` parameters, the first of which is number `from + 1`.
pub(crate) fn push_places(sql: &mut String, backend: DbBackend, from: usize, count: usize) {
    for number in from + 1..=from + count {
        if number > from + 1 {
            sql.push(',');
        }
        if backend == DbBackend::Postgres {
            // Writing to a string cannot fail.
            let _ = write!(sql, "${number}");
        } else {
            sql.push('?');
        }
    }
}

/// Lists for `IN`, of a few lengths only: the last id is repeated up to a power of two.
pub(crate) fn id_lists(mut ids: Vec<i64>) -> Vec<Vec<i64>> {
    ids.sort_unstable();
    ids.dedup();
    ids.chunks(MOST_IDS)
        .map(|chunk| {
            let mut list = chunk.to_vec();
            if let Some(last) = chunk.last() {
                list.resize(chunk.len().next_power_of_two(), *last);
            }
            list
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_out_in_few_sizes_and_all_of_them_do() {
        let bulk = Bulk { before: "INSERT INTO t (a, b) VALUES ", columns: 2, after: " RETURNING a" };
        let values = (0..2 * 135_i64).map(Value::from).collect();
        let statements = bulk.statements(DbBackend::Postgres, values);
        let counts: Vec<_> = statements.iter().map(|s| s.values.as_ref().map_or(0, |v| v.0.len() / 2)).collect();
        assert_eq!(counts, [64, 64, 4, 2, 1]);
        assert_eq!(statements[4].sql, "INSERT INTO t (a, b) VALUES ($1,$2) RETURNING a");
        assert_eq!(statements[3].sql, "INSERT INTO t (a, b) VALUES ($1,$2),($3,$4) RETURNING a");
        let last = statements[4].values.as_ref().map(|values| values.0.clone());
        assert_eq!(last, Some(vec![Value::from(268_i64), Value::from(269_i64)]));
    }

    #[test]
    fn no_rows_are_no_statement() {
        let bulk = Bulk { before: "", columns: 2, after: "" };
        assert!(bulk.statements(DbBackend::Sqlite, Vec::new()).is_empty());
    }

    #[test]
    fn id_lists_hold_every_id_and_are_padded() {
        assert_eq!(id_lists(vec![5, 3, 5, 9]), [vec![3, 5, 9, 9]]);
        let lists = id_lists((0..513).collect());
        assert_eq!(lists.iter().map(Vec::len).collect::<Vec<_>>(), [512, 1]);
        assert!(id_lists(Vec::new()).is_empty());
    }
}
