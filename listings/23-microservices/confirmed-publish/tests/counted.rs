//! What the counter does when it, or the broker, is killed.

mod common;

use std::process::{Command, Stdio};

use book_support::engines::AMQP;
use book_support::faults::{Cut, Faults, Mode};
use book_support::{captured, eventually};
use common::{BUDGET, Bench, HASTY, PATIENT, clicks, file, url};
use confirmed_publish::counter::{Counter, Done, Failure};
use confirmed_publish::ledger::Ledger;
use confirmed_publish::patience::Link;
use confirmed_publish::publisher::Publisher;
use confirmed_publish::queue::CLICKS;
use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;

/// Ends the process also when the test panics.
struct Process(std::process::Child);

impl Process {
    /// SIGKILL.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_was_counted_and_not_acknowledged_comes_again_and_counts_once() {
    let bench = Bench::start();
    let cut = Cut::before_container(&bench.broker, AMQP);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let process = Command::new(env!("CARGO_BIN_EXE_confirmed-publish"))
        .args(["--broker", &url(cut.address()), "count", "--ledger"])
        .arg(&path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut process = Process(process);
    bench.until("it listens", |_, consumers| consumers == 1);

    // From here on the broker hears nothing from the counter.
    cut.set_requests(Mode::Hang);
    let clicks = clicks(10);
    let mut publisher = Publisher::new(&bench.url(), PATIENT);
    bench.run(publisher.publish(&clicks)).unwrap();
    let first = eventually("ten clicks are counted", BUDGET, || {
        match std::fs::read_to_string(&path).unwrap().lines().count() {
            10 => Ok(10),
            fewer => Err(fewer),
        }
    });
    process.kill();
    cut.set(Mode::Reset);
    bench.until("they wait again", |messages, _| messages == 10);

    let ledger = Ledger::open(&path).unwrap();
    let mut counter = Counter::new(&bench.url(), PATIENT, ledger);
    bench.run(counter.run(true, std::future::pending())).unwrap();
    let done = counter.done();
    captured(
        &file("killed-counter"),
        &format!(
            "first process   counted {first:2}   killed before an ack arrived\n\
             second process  counted {:2}   dropped {}, id known",
            done.counted, done.dropped
        ),
    );
    assert_eq!(counter.ledger().total(), 10);
    bench.until("nothing waits", |messages, _| messages == 0);
}

#[test]
fn a_counter_outlives_its_broker() {
    let bench = Bench::start();
    let cut = Cut::before_container(&bench.broker, AMQP);
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger")).unwrap();
    let mut counter =
        Counter::new(&url(cut.address()), PATIENT, ledger);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let counting = bench.runtime.spawn(async move {
        let stopped = async { stopped.await.unwrap_or_default() };
        let ended = counter.run(false, stopped).await;
        (ended, counter.done())
    });
    bench.until("it listens", |_, consumers| consumers == 1);
    bench.settled();
    bench.broker.restart();
    bench.until("it listens again", |_, consumers| consumers == 1);
    let mut publisher = Publisher::new(&bench.url(), PATIENT);
    bench.run(publisher.publish(&clicks(5))).unwrap();
    bench.until("all are taken", |messages, _| messages == 0);
    stop.send(()).unwrap();
    let (ended, done) = bench.run(counting).unwrap();
    ended.unwrap();
    // What it was stopped before comes again: nothing is lost by that either.
    let path = folder.path().join("ledger");
    let mut counter = Counter::new(
        &bench.url(),
        PATIENT,
        Ledger::open(&path).unwrap(),
    );
    bench.run(counter.run(true, std::future::pending())).unwrap();
    assert_eq!(done.counted + counter.done().counted, 5);
    assert_eq!(counter.ledger().total(), 5);
}

#[test]
fn what_is_no_click_is_refused_for_good() {
    let bench = Bench::start();
    bench.queue();
    let url = bench.url();
    bench.run(async {
        let link = Link::open(&url).await.unwrap();
        let options = BasicPublishOptions::default();
        let properties = Default::default();
        let sent = link.channel.basic_publish(
            "".into(),
            CLICKS.into(),
            options,
            b"{}",
            properties,
        );
        sent.await.unwrap();
        link.close().await;
    });
    bench.until("it waits", |messages, _| messages == 1);
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger")).unwrap();
    let mut counter = Counter::new(&bench.url(), PATIENT, ledger);
    bench.run(counter.run(true, std::future::pending())).unwrap();
    assert_eq!(counter.done(), Done { refused: 1, ..Done::default() });
    bench.until("nothing waits", |messages, _| messages == 0);
}

#[test]
fn a_queue_of_another_kind_and_a_broker_that_is_frozen_end_it() {
    let bench = Bench::start();
    let url = bench.url();
    bench.run(async {
        let link = Link::open(&url).await.unwrap();
        let options = QueueDeclareOptions::durable();
        let classic = link.channel.queue_declare(
            CLICKS.into(),
            options,
            FieldTable::default(),
        );
        classic.await.unwrap();
        link.close().await;
    });
    let folder = tempfile::tempdir().unwrap();
    let counter = |patience| {
        let ledger =
            Ledger::open(&folder.path().join("ledger")).unwrap();
        Counter::new(&bench.url(), patience, ledger)
    };
    let ended =
        bench.run(counter(PATIENT).run(false, std::future::pending()));
    let said = ended.unwrap_err().to_string();
    assert!(
        said.contains("PRECONDITION_FAILED")
            && said.contains("x-queue-type"),
        "{said}"
    );

    let _paused = bench.broker.pause();
    let ended =
        bench.run(counter(HASTY).run(false, std::future::pending()));
    assert!(matches!(ended, Err(Failure::Silent)), "{ended:?}");
}
