//! The tables of older and newer programs.

use book_support::listing;
use resolver::store::{Store, migrations};
use sqlx::migrate::{Migration, Migrator};
use sqlx::{Executor, PgConnection};

use crate::bench::{Bench, TARGET, create, resolve, settings};

/// The page shows it.
const FIRST: &str =
    "listings/21-containerization/resolver/migrations/0001_links.sql";

/// What the first release of the program did to an empty database.
async fn first_release(sql: &mut PgConnection) {
    let first: Vec<Migration> =
        migrations().iter().take(1).cloned().collect();
    assert_eq!(first[0].sql.as_str(), listing(FIRST));
    let mut first = Migrator::with_migrations(first);
    first.create_schema("resolver");
    sql.execute("SET search_path TO resolver").await.unwrap();
    first.run(&mut *sql).await.unwrap();
    let link = "INSERT INTO links VALUES \
        ('VcdWRhe', 'https://www.rust-lang.org'); \
        SELECT nextval('made')";
    sqlx::raw_sql(link).execute(sql).await.unwrap();
}

#[test]
fn an_old_schema_is_brought_up_to_date_and_keeps_its_links() {
    let bench = Bench::start();
    bench.run(async {
        let mut sql = bench.sql().await;
        first_release(&mut sql).await;
        // Two at once, and again: each waits, and finds it done.
        let settings = settings(bench.url(), "5", "5");
        let store = Store::new(&settings);
        let (one, two) = tokio::join!(store.migrate(), store.migrate());
        one.unwrap();
        two.unwrap();
        store.migrate().await.unwrap();

        let resolver = bench.resolver().await;
        let mut links = resolver.links().await;
        let target = resolve(&mut links, "VcdWRhe").await.unwrap();
        assert_eq!(target, TARGET);
        assert_ne!(create(&mut links).await.unwrap(), "VcdWRhe");

        // The first release still runs beside the new one.
        let old = "INSERT INTO links (code, target) \
            VALUES ('aaaaaaa', 'https://www.rust-lang.org')";
        sql.execute(old).await.unwrap();
        let target = resolve(&mut links, "aaaaaaa").await.unwrap();
        assert_eq!(target, TARGET);
        resolver.end().await;
    });
}

#[test]
fn a_newer_schema_does_not_stop_an_older_program() {
    let bench = Bench::start();
    bench.run(async {
        let store = Store::new(&settings(bench.url(), "5", "5"));
        store.migrate().await.unwrap();
        let newer = "INSERT INTO resolver._sqlx_migrations \
            (version, description, success, checksum, execution_time) \
            VALUES (99, 'of a newer program', true, '', 0)";
        bench.sql().await.execute(newer).await.unwrap();
        let resolver = bench.resolver().await;
        create(&mut resolver.links().await).await.unwrap();
        resolver.end().await;
    });
}

#[test]
fn a_migration_that_was_changed_afterwards_is_refused() {
    let bench = Bench::start();
    bench.run(async {
        let store = Store::new(&settings(bench.url(), "5", "5"));
        store.migrate().await.unwrap();
        let changed = "UPDATE resolver._sqlx_migrations \
            SET checksum = '' WHERE version = 1";
        bench.sql().await.execute(changed).await.unwrap();
        let refused = store.migrate().await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "migration 1 was previously applied but has been modified"
        );
    });
}
