//! What was counted, in PostgreSQL: one row for each code, and one for each click that was counted.
//!
//! The tables are in a schema of their own, so that another program can live in the same database. No name of a table
//! depends on a setting of the connection.

use std::time::Duration;

use links_contract::click::Click;
use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::time::timeout;

/// Longest time for one answer of the database.
pub const ANSWER: Duration = Duration::from_secs(2);

/// Most ids that are forgotten in one go, so that it takes moments.
pub const MOST_AT_ONCE: i64 = 10_000;

/// One count at a time, and a question beside it.
const CONNECTIONS: u32 = 2;

/// Why a click was not counted, or not yet.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database said nothing in time.
    #[error("the database does not answer")]
    Silent,
    /// It is away, or refuses.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The tables cannot be made, or are not those of this program.
    #[error(transparent)]
    Tables(#[from] MigrateError),
}

/// Whether a click counted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It did.
    Now,
    /// It had counted before.
    Before,
}

/// The counts. A clone uses the same connections.
#[derive(Clone, Debug)]
pub struct Counts {
    pool: PgPool,
}

impl Counts {
    /// Counts in a database that is not asked yet. What it does for
    /// somebody who has given up, it ends by itself.
    pub fn new(database: PgConnectOptions) -> Counts {
        let longest = ANSWER.as_millis().to_string();
        let options = database.application_name("clicks").options([
            ("statement_timeout", &longest),
            ("idle_in_transaction_session_timeout", &longest),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ANSWER)
            .connect_lazy_with(options);
        Counts { pool }
    }

    // ANCHOR: tables
    /// Makes the tables, or brings older ones up to date.
    pub async fn make_tables(&self) -> Result<(), Failure> {
        let mut tables: Migrator = sqlx::migrate!();
        tables.create_schema("clicks");
        tables.dangerous_set_table_name("clicks.migrations");
        let made = timeout(5 * ANSWER, tables.run(&self.pool));
        Ok(made.await.map_err(|_| Failure::Silent)??)
    }
    // ANCHOR_END: tables

    /// Counts a click, unless it counted before. After an error nobody
    /// knows which: ask again, with the same click.
    pub async fn count(
        &self,
        click: &Click,
    ) -> Result<Counted, Failure> {
        let counted = timeout(ANSWER, self.try_count(click)).await;
        Ok(counted.map_err(|_| Failure::Silent)??)
    }

    // ANCHOR: count
    async fn try_count(&self, click: &Click) -> sqlx::Result<Counted> {
        let mut transaction = self.pool.begin().await?;
        let new = sqlx::query(REMEMBER)
            .bind(&click.id)
            .execute(&mut *transaction)
            .await?;
        if new.rows_affected() == 0 {
            return Ok(Counted::Before);
        }
        let add = sqlx::query(ADD).bind(&click.code);
        add.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Counted::Now)
    }
    // ANCHOR_END: count

    /// How often a link was followed.
    pub async fn of(&self, code: &str) -> sqlx::Result<i64> {
        let clicks = "SELECT clicks FROM clicks.counts WHERE code = $1";
        let clicks = sqlx::query_scalar(clicks).bind(code);
        let found = clicks.fetch_optional(&self.pool).await?;
        Ok(found.unwrap_or(0))
    }

    // ANCHOR: forget
    /// Forgets ids that are older; how many, and [`MOST_AT_ONCE`] at
    /// most. A click that comes again later than that counts twice.
    pub async fn forget(&self, older: Duration) -> sqlx::Result<u64> {
        let old = sqlx::query(FORGET)
            .bind(older.as_secs_f64())
            .bind(MOST_AT_ONCE);
        Ok(old.execute(&self.pool).await?.rows_affected())
    }
    // ANCHOR_END: forget

    /// Whether the database answers, in that time.
    pub async fn answers(&self, within: Duration) -> bool {
        let asked = sqlx::query("SELECT 1").execute(&self.pool);
        matches!(timeout(within, asked).await, Ok(Ok(_)))
    }

    /// Closes the connections.
    pub async fn close(&self) {
        // One that is broken is not waited for.
        let _ = timeout(ANSWER, self.pool.close()).await;
    }
}

// ANCHOR: sql
/// No row when the id is there already.
const REMEMBER: &str = "INSERT INTO clicks.seen (id) VALUES ($1)
    ON CONFLICT DO NOTHING";

const ADD: &str = "INSERT INTO clicks.counts AS c (code, clicks)
    VALUES ($1, 1)
    ON CONFLICT (code) DO UPDATE SET clicks = c.clicks + 1";
// ANCHOR_END: sql

const FORGET: &str = "DELETE FROM clicks.seen WHERE id IN (
    SELECT id FROM clicks.seen
    WHERE at < now() - make_interval(secs => $1)
    LIMIT $2)";
