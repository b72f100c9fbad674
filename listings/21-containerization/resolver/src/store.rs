//! Links in PostgreSQL.
//!
//! The tables are in a schema of the program's own, `resolver`: another
//! program may use the same database, and neither sees the other's
//! tables or migrations.
//!
//! A query can be given up before its answer has come, because its
//! request has no time left. PostgreSQL hears of that when the connection
//! closes: it then ends the query. So a connection goes back to the pool
//! only after an answer ([`Lease`]), and the server looks every
//! [`LOOKS_FOR_CLIENT`] whether its client is still there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use links_api::link::{Code, Target};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{
    Connection, FromRow, PgConnection, PgPool, Postgres, query,
    query_as, query_scalar,
};

use crate::settings::Settings;

/// Most connections to the database, of one program. More would not
/// make it faster, and all programs share what the database allows.
const MOST_CONNECTIONS: u32 = 8;

/// How often the database looks whether somebody still waits for a
/// query's answer.
pub const LOOKS_FOR_CLIENT: Duration = Duration::from_millis(250);

/// Longest that closing takes: who does not answer is not waited for.
const CLOSE: Duration = Duration::from_secs(1);

/// The links. All clones share one pool.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    options: PgConnectOptions,
    /// Whether the database has answered its last beat.
    answers: Arc<AtomicBool>,
}

/// What the database did not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or is not ready. Later it may be.
    #[error("the database cannot be reached: {0}")]
    Unreachable(#[source] sqlx::Error),
    /// It did not answer when it was last asked whether it is there.
    /// Nobody needs to wait to hear that again.
    #[error("the database did not answer its last beat")]
    Gone,
    /// It ended a query that took too long.
    #[error("the database ended a query that took too long")]
    Late,
    /// It refused a query of ours, or its answer cannot be read.
    #[error("the database refused a query: {0}")]
    Broken(#[source] sqlx::Error),
}

// ANCHOR: classes
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let database = error.as_database_error();
        let code = database.and_then(|e| e.code());
        match code.as_deref() {
            // An answer that says why: SQLSTATE and its classes.
            Some("57014") => StoreError::Late,
            Some("42P01" | "3D000" | "3F000") => {
                StoreError::Unreachable(error)
            }
            Some(code) if is_passing(code) => {
                StoreError::Unreachable(error)
            }
            Some(_) => StoreError::Broken(error),
            None => without_answer(error),
        }
    }
}
// ANCHOR_END: classes

/// Connections, authorization, resources, an operator's intervention.
fn is_passing(code: &str) -> bool {
    ["08", "28", "53", "57P"].iter().any(|c| code.starts_with(c))
}

fn without_answer(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreError::Unreachable(error),
        _ => StoreError::Broken(error),
    }
}

/// A link, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Row {
    /// Its code.
    pub code: String,
    /// Where it leads.
    pub target: String,
}

/// Bring a database from any older schema to this program's.
pub fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!();
    migrations.create_schema("resolver");
    // A newer program has been here, and during an update both run.
    migrations.set_ignore_missing(true);
    migrations
}

impl Store {
    /// A store that connects when it is first asked.
    pub fn new(settings: &Settings) -> Store {
        let url = settings.database_url.0.clone();
        // ANCHOR: open
        let longest = settings.request_seconds.0;
        let ms = |time: Duration| time.as_millis().to_string();
        let options = url.application_name("resolver").options([
            ("search_path", "resolver".to_owned()),
            ("statement_timeout", ms(longest)),
            ("client_connection_check_interval", ms(LOOKS_FOR_CLIENT)),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(MOST_CONNECTIONS)
            .acquire_timeout(longest / 2)
            .connect_lazy_with(options.clone());
        // ANCHOR_END: open
        let answers = Arc::new(AtomicBool::new(true));
        Store { pool, options, answers }
    }

    /// Makes the tables, or brings older ones up to date. Programs that
    /// do so at the same time wait for each other.
    ///
    /// # Errors
    /// When the database cannot be reached, or has other tables of
    /// these names.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        // A migration may take longer than a request.
        let patient = [("statement_timeout", "0")];
        let options = self.options.clone().options(patient);
        let mut connection =
            PgConnection::connect_with(&options).await?;
        let migrations = migrations();
        migrations.run_direct(None, &mut connection, false).await?;
        connection.close().await?;
        Ok(())
    }

    /// Keeps a target under a new code.
    ///
    /// # Errors
    /// As the database says.
    pub async fn create(
        &self,
        target: &Target,
    ) -> Result<Code, StoreError> {
        // ANCHOR: create
        let mut lease = self.lease().await?;
        let next = query_scalar("SELECT nextval('made')");
        let n: i64 = next.fetch_one(lease.connection()).await?;
        let code = Code::nth(n.unsigned_abs());
        query("INSERT INTO links (code, target) VALUES ($1, $2)")
            .bind(code.to_string())
            .bind(target.as_str())
            .execute(lease.connection())
            .await?;
        lease.end();
        Ok(code)
        // ANCHOR_END: create
    }

    /// Where a code leads.
    ///
    /// # Errors
    /// As the database says.
    // ANCHOR: find
    pub async fn find(
        &self,
        code: &Code,
    ) -> Result<Option<String>, StoreError> {
        let mut lease = self.lease().await?;
        let find =
            query_scalar("SELECT target FROM links WHERE code = $1");
        let find = find.bind(code.to_string());
        let target = find.fetch_optional(lease.connection()).await?;
        lease.end();
        Ok(target)
    }
    // ANCHOR_END: find

    /// Forgets a code; whether it was there.
    ///
    /// # Errors
    /// As the database says.
    pub async fn delete(
        &self,
        code: &Code,
    ) -> Result<bool, StoreError> {
        let mut lease = self.lease().await?;
        let deleted = query("DELETE FROM links WHERE code = $1")
            .bind(code.to_string())
            .execute(lease.connection())
            .await?;
        lease.end();
        Ok(deleted.rows_affected() > 0)
    }

    /// The links after a code, by code; `most` of them.
    ///
    /// # Errors
    /// As the database says.
    pub async fn list(
        &self,
        after: &str,
        most: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let mut lease = self.lease().await?;
        let rows = query_as(
            "SELECT code, target FROM links \
             WHERE code > $1 ORDER BY code LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(most))
        .fetch_all(lease.connection())
        .await?;
        lease.end();
        Ok(rows)
    }

    /// Closes all connections. Who is still asked something then, gets
    /// no answer.
    pub async fn close(&self) {
        if tokio::time::timeout(CLOSE, self.pool.close()).await.is_err()
        {
            tracing::warn!("connections to the database do not close");
        }
    }

    /// What the last beat said. Until the first, it is tried.
    pub(crate) fn note(&self, answers: bool) {
        self.answers.store(answers, Ordering::Relaxed);
    }

    /// Makes sure that the pool has a connection.
    pub(crate) async fn warm(&self) -> Result<(), sqlx::Error> {
        self.pool.acquire().await.map(drop)
    }

    /// For a connection beside the pool.
    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    async fn lease(&self) -> Result<Lease, StoreError> {
        if !self.answers.load(Ordering::Relaxed) {
            return Err(StoreError::Gone);
        }
        let connection = self.pool.acquire().await?;
        Ok(Lease { connection, ended: false })
    }
}

// ANCHOR: lease
/// A connection for one request. Only [`Lease::end`] gives it back:
/// dropped before, it is closed, and PostgreSQL ends its query.
struct Lease {
    connection: PoolConnection<Postgres>,
    ended: bool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}
// ANCHOR_END: lease

impl Lease {
    fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// All answers have come: the next request may have it.
    fn end(mut self) {
        self.ended = true;
    }
}
