//! Does the database answer?
//!
//! Asked on a connection beside the pool: a pool that is used up says
//! that there is much to do, and not that the database is gone.

use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::{Connection, PgConnection};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::store::Store;

/// How often it is asked.
pub const EVERY: Duration = Duration::from_secs(1);

/// Longest that an answer may take.
pub const LONGEST: Duration = Duration::from_millis(500);

/// Longest that a new connection may take: nobody is told that the
/// database answers before it is there.
const CONNECT: Duration = Duration::from_secs(5);

/// Longest that migrations may take.
const MIGRATION: Duration = Duration::from_secs(60);

/// The database's pulse.
pub struct Pulse {
    store: Store,
    /// Made when it is needed, given up when it does not answer.
    connection: Option<PgConnection>,
    /// Whether the tables are known to be this program's.
    migrated: bool,
}

/// Why requests cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum NoPulse {
    /// No answer, for too long.
    #[error("the database does not answer in time")]
    Late(#[from] Elapsed),
    /// The wrong answer, or nobody there.
    #[error("the database cannot be reached: {0}")]
    Unreachable(#[from] sqlx::Error),
    /// The tables cannot be made.
    #[error("the tables cannot be made: {0}")]
    Tables(#[from] MigrateError),
}

impl Pulse {
    /// Nothing is known yet.
    pub fn new(store: Store) -> Pulse {
        Pulse { store, connection: None, migrated: false }
    }

    /// Asks once. The first answer makes the tables, too: a program
    /// that starts before its database does not end, it waits.
    ///
    /// # Errors
    /// When requests cannot be answered at the moment.
    // ANCHOR: beat
    pub async fn beat(&mut self) -> Result<(), NoPulse> {
        // Taken: a connection whose answer did not come is not asked
        // again.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => timeout(CONNECT, self.connect()).await??,
        };
        let question = sqlx::query("SELECT 1");
        timeout(LONGEST, question.execute(&mut connection)).await??;
        self.connection = Some(connection);
        if !self.migrated {
            timeout(MIGRATION, self.store.migrate()).await??;
            self.migrated = true;
        }
        Ok(())
    }
    // ANCHOR_END: beat

    /// Who is told that the database answers finds a connection: the
    /// pool has one, too.
    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let options = self.store.options();
        let connection = PgConnection::connect_with(options).await?;
        self.store.warm().await?;
        Ok(connection)
    }
}
