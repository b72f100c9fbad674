//! What the publisher does when the broker is killed, frozen, full, or has no queue.

mod common;

use std::time::Duration;

use book_support::captured;
use book_support::engines::AMQP;
use book_support::faults::{Cut, Faults, Mode};
use common::{Bench, CODE, HASTY, PATIENT, clicks, file, url};
use confirmed_publish::counter::Counter;
use confirmed_publish::ledger::Ledger;
use confirmed_publish::patience::Patience;
use confirmed_publish::publisher::{Failure, Publisher};

#[test]
fn a_broker_that_is_killed_in_the_middle_loses_nothing() {
    let bench = Bench::start();
    bench.queue();
    bench.settled();
    let cut = Cut::before_container(&bench.broker, AMQP);
    let mut publisher = Publisher::new(&url(cut.address()), PATIENT);
    let clicks = clicks(1000);
    let (first, rest) = clicks.split_at(500);
    bench.run(publisher.publish(first)).unwrap();

    // The broker gets the next clicks; its confirmations do not arrive.
    cut.set_answers(Mode::Hang);
    let rest = rest.to_vec();
    let publishing = bench.runtime.spawn(async move {
        let published = publisher.publish(&rest).await;
        publisher.close().await;
        (published, publisher.done())
    });
    bench.until("a window is kept", |messages, _| messages == 564);
    let killed = bench.broker.kill();
    // The confirmations that were on their way are lost, too.
    cut.set(Mode::Reset);
    cut.set(Mode::Pass);
    killed.undo();
    let (published, done) = bench.run(publishing).unwrap();
    published.unwrap();

    let (kept, _) = bench.queue();
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger")).unwrap();
    let mut counter = Counter::new(&bench.url(), PATIENT, ledger);
    bench.run(counter.run(true, std::future::pending())).unwrap();
    assert_eq!(counter.ledger().codes()[CODE], 1000);
    let counted = counter.done();
    captured(
        &file("killed-broker"),
        &format!(
            "clicks                {:4}\n\
             messages sent         {:4}\n\
             clicks confirmed      {:4}\n\
             kept by the broker    {kept:4}\n\
             counted               {:4}\n\
             dropped, id known     {:4}",
            clicks.len(),
            done.sent,
            done.confirmed,
            counted.counted,
            counted.dropped,
        ),
    );
}

#[test]
fn clicks_that_no_queue_takes_come_back_and_are_not_sent_again() {
    let bench = Bench::start();
    let mut publisher = Publisher::new(&bench.url(), PATIENT);
    let given_up =
        bench.run(publisher.publish(&clicks(3))).unwrap_err();
    assert_eq!(
        given_up.last.to_string(),
        r#"no queue takes ["VcdWRhe-0", "VcdWRhe-1", "VcdWRhe-2"]"#
    );
    assert!(matches!(given_up.last, Failure::NoQueue(_)));
    assert_eq!(
        (publisher.done().sent, publisher.done().confirmed),
        (3, 0)
    );
    // When the queue is there, the same publisher goes on.
    bench.queue();
    bench.run(publisher.publish(&clicks(3))).unwrap();
    assert_eq!(bench.queue().0, 3);
}

#[test]
fn a_broker_that_is_frozen_is_not_waited_for_without_end() {
    let bench = Bench::start();
    bench.queue();
    let mut publisher = Publisher::new(&bench.url(), HASTY);
    bench.run(publisher.publish(&clicks(1))).unwrap();
    let paused = bench.broker.pause();
    let given_up =
        bench.run(publisher.publish(&clicks(1))).unwrap_err();
    assert!(matches!(given_up.last, Failure::Silent), "{given_up:?}");
    assert_eq!(given_up.confirmed, 1);
    paused.undo();
    let mut publisher = Publisher::new(&bench.url(), PATIENT);
    bench.run(publisher.publish(&clicks(1))).unwrap();
}

#[test]
fn a_full_queue_refuses_and_takes_again_when_there_is_room() {
    let bench = Bench::start();
    bench.queue();
    let full = r#"{"max-length":10,"overflow":"reject-publish"}"#;
    let set = [
        "rabbitmqctl",
        "set_policy",
        "full",
        "clicks",
        full,
        "--apply-to",
        "queues",
    ];
    bench.broker.output(&set);
    // Time for an answer also on a busy machine, and a few attempts.
    let patience = Patience {
        answer: Duration::from_secs(10),
        deadline: Duration::from_secs(12),
        ..HASTY
    };
    let mut publisher = Publisher::new(&bench.url(), patience);
    let given_up =
        bench.run(publisher.publish(&clicks(10_000))).unwrap_err();
    assert!(matches!(given_up.last, Failure::Refused), "{given_up:?}");
    bench.broker.output(&["rabbitmqctl", "clear_policy", "full"]);
    let mut publisher = Publisher::new(&bench.url(), PATIENT);
    bench.run(publisher.publish(&clicks(100))).unwrap();
}
