//! What was clicked is counted exactly once, whatever goes wrong in between.

mod bench;

use std::process::Command;

use bench::{
    Bench, CODE, Program, amqp, ask, click, file, get, postgres, probed,
};
use book_support::captured;
use book_support::engines::{AMQP, POSTGRES};
use book_support::faults::{Cut, Faults, Mode};
use clicks::counts::{Counted, Counts};
use links_contract::click::{Click, DEAD, QUEUE};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// The program, between this broker and this database.
fn program(broker: &str, database: &str) -> Program {
    let variables = [
        ("CLICKS_BROKER_URL", broker),
        ("CLICKS_DATABASE_URL", database),
        ("CLICKS_DRAIN_SECONDS", "30"),
    ];
    Program::start("clicks", "CLICKS", &variables)
}

const ADD: &str = "INSERT INTO clicks.counts AS c (code, clicks)
    VALUES ($1, 1)
    ON CONFLICT (code) DO UPDATE SET clicks = c.clicks + 1";

/// Counts in the hope that no click comes twice.
struct Hopeful {
    pool: PgPool,
}

impl Hopeful {
    // ANCHOR: hopeful
    async fn try_count(&self, click: &Click) -> sqlx::Result<Counted> {
        let mut transaction = self.pool.begin().await?;
        let add = sqlx::query(ADD).bind(&click.code);
        add.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Counted::Now)
    }
    // ANCHOR_END: hopeful
}

#[test]
fn a_click_that_comes_twice_counts_once() {
    let bench = Bench::start();
    let database = postgres(bench.database.address(POSTGRES));
    let counts = bench.counts();
    // What the migration makes is what a reader sees.
    let tables = book_support::listing(
        "listings/21-containerization/clicks/migrations/1_counts.sql",
    );
    assert!(tables.contains("id text PRIMARY KEY"), "{tables}");
    let other = PgPoolOptions::new().max_connections(1);
    let (hopeful, now, before) = bench.run(async {
        // Two programs that start at once make the tables once.
        let again = Counts::new(database.parse().unwrap());
        let (one, two) =
            tokio::join!(counts.make_tables(), again.make_tables());
        one.and(two).unwrap();

        let click = Click { id: "1".into(), code: "hopeful".into() };
        let pool = other.connect(&database).await.unwrap();
        let hopes = Hopeful { pool };
        hopes.try_count(&click).await.unwrap();
        hopes.try_count(&click).await.unwrap();
        let hopeful = counts.of("hopeful").await.unwrap();

        let click = Click { id: "1".into(), code: "keyed".into() };
        let now = counts.count(&click).await.unwrap();
        let before = counts.count(&click).await.unwrap();
        (hopeful, now, before)
    });
    assert_eq!((now, before), (Counted::Now, Counted::Before));
    let keyed = bench.run(counts.of("keyed")).unwrap();
    captured(
        &file("clicks-twice"),
        &format!(
            "the same click, twice       counted\n\
             added each time             {hopeful}\n\
             with its id in the same\n\
             transaction                 {keyed}"
        ),
    );

    // The same through the queue, among clicks and what is none.
    let bodies = ["1", "2", "2", "3"].map(click);
    let mut bodies: Vec<_> =
        bodies.iter().map(String::as_str).collect();
    bodies.extend(["hello", r#"{"id":"","code":"VcdWRhe"}"#]);
    let broker = amqp(bench.broker.address(AMQP));
    let clicks = program(&broker, &database);
    probed(clicks.address, "/readyz", 200);
    bench.publish(&bodies);
    // The click 1 was counted for another link: an id is an id.
    bench.counted(&counts, CODE, 2);
    bench.until(DEAD, "two wait for a person", |n, _| n == 2);
    bench.until(QUEUE, "nothing else waits", |n, _| n == 0);
    let (code, log) = clicks.stop();
    assert_eq!(code, Some(0), "{log}");
    for said in ["counted before", "no click", "stopped"] {
        assert!(log.contains(said), "{said}: {log}");
    }
    bench.until(QUEUE, "nobody reads", |_, readers| readers == 0);

    // Ids are forgotten by their age, and only then.
    let hour = std::time::Duration::from_secs(3600);
    assert_eq!(bench.run(counts.forget(hour)).unwrap(), 0);
    let all = std::time::Duration::ZERO;
    assert_eq!(bench.run(counts.forget(all)).unwrap(), 3);
}

#[test]
fn what_was_counted_and_not_acknowledged_comes_again_and_counts_once() {
    let bench = Bench::start();
    let cut = Cut::before_container(&bench.broker, AMQP);
    let database = postgres(bench.database.address(POSTGRES));
    let first = program(&amqp(cut.address()), &database);
    bench.until(QUEUE, "it reads", |_, readers| readers == 1);

    // From here on the broker hears nothing from the program.
    cut.set_requests(Mode::Hang);
    let bodies: Vec<_> =
        (0..10).map(|n| click(&n.to_string())).collect();
    let bodies: Vec<_> = bodies.iter().map(String::as_str).collect();
    bench.publish(&bodies);
    let counts = bench.counts();
    bench.counted(&counts, CODE, 10);
    let before = bench.run(counts.of(CODE)).unwrap();
    first.kill();
    cut.set(Mode::Reset);
    bench.until(QUEUE, "they wait again", |n, _| n == 10);
    let again = bench.queue(QUEUE).unwrap().0;

    cut.set(Mode::Pass);
    let second = program(&amqp(cut.address()), &database);
    bench.until(QUEUE, "all are taken", |n, readers| {
        n == 0 && readers == 1
    });
    // Taken is not yet counted, and a program that is stopped gives back
    // what it has not begun. Each waits for the one before it.
    let last = Click { id: "10".into(), code: "last".into() };
    bench.publish(&[&last.to_json()]);
    bench.counted(&counts, "last", 1);
    let (code, log) = second.stop();
    assert_eq!(code, Some(0), "{log}");
    bench.until(QUEUE, "all are acknowledged", |n, readers| {
        n == 0 && readers == 0
    });
    let known = log.matches(r#""message":"counted before""#).count();
    let after = bench.run(counts.of(CODE)).unwrap();
    captured(
        &file("clicks-killed"),
        &format!(
            "counted, then killed              {before}\n\
             not acknowledged, so sent again   {again}\n\
             known by their ids                {known}\n\
             counted in all                    {after}"
        ),
    );
}

#[test]
fn a_broker_that_restarts_and_a_database_that_hangs_are_waited_for() {
    let bench = Bench::start();
    let cut = Cut::before_container(&bench.broker, AMQP);
    let database = postgres(bench.database.address(POSTGRES));
    let clicks = program(&amqp(cut.address()), &database);
    let (at, counts) = (clicks.address, bench.counts());
    probed(at, "/readyz", 200);

    bench.settled();
    bench.broker.restart();
    bench.until(QUEUE, "it reads again", |_, readers| readers == 1);
    probed(at, "/readyz", 200);
    bench.publish(&[&click("1")]);
    bench.counted(&counts, CODE, 1);

    let paused = bench.database.pause();
    bench.publish(&[&click("2"), &click("3")]);
    probed(at, "/readyz", 503);
    assert!(ask(at, "GET", "/readyz", "").1.contains("no database"));
    assert_eq!((get(at, "/livez"), get(at, "/startupz")), (200, 200));
    paused.undo();
    bench.counted(&counts, CODE, 3);
    probed(at, "/readyz", 200);

    // Asked to stop with a click in its hand that it cannot count, it
    // gives the click back.
    let paused = bench.database.pause();
    bench.publish(&[&click("4")]);
    probed(at, "/readyz", 503);
    let (code, log) = clicks.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("not counted yet"), "{log}");
    bench.until(QUEUE, "it waits again", |n, readers| {
        n == 1 && readers == 0
    });
    paused.undo();
    assert_eq!(bench.run(counts.of(CODE)).unwrap(), 3);
}

#[test]
fn it_starts_without_anybody_and_its_own_probe_says_what_it_lacks() {
    // Nobody listens there: the system gives no process this port.
    let clicks = program(
        "amqp://127.0.0.1:1/%2f",
        "postgres://127.0.0.1:1/links",
    );
    let at = clicks.address;
    assert_eq!((get(at, "/livez"), get(at, "/startupz")), (200, 200));
    let probe = Command::new(book_support::program("clicks"))
        .arg("--healthcheck")
        .env("CLICKS_LISTEN", at.to_string())
        .env("CLICKS_BROKER_URL", "amqp://127.0.0.1:1/%2f")
        .env("CLICKS_DATABASE_URL", "postgres://127.0.0.1:1/links")
        .output()
        .unwrap();
    assert_eq!(probe.status.code(), Some(1));
    let said = String::from_utf8_lossy(&probe.stderr).into_owned();
    assert!(
        said.contains("503") && said.contains("no database"),
        "{said}"
    );
    assert_eq!(clicks.stop().0, Some(0));
}
