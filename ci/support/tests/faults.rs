//! Faults on real containers, and that each is undone.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use book_support::docker::{Build, output};
use book_support::engines::{AMQP, RABBITMQ_API, rabbitmq};
use book_support::eventually;
use book_support::faults::{Cut, Faults, Mode};
use common::{is_part, run};

const BUDGET: Duration = Duration::from_secs(30);

const GUEST: [(&str, &str); 1] = [("authorization", "Basic Z3Vlc3Q6Z3Vlc3Q=")];

/// The state of a container.
fn state(id: &str) -> String {
    output(&["inspect", "--format", "{{.State.Status}}", id])
}

/// What an AMQP server says to somebody who speaks something else: the name and version of its protocol.
fn greeting(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(BUDGET))?;
    stream.write_all(b"HELLO???")?;
    let mut name = [0; 4];
    stream.read_exact(&mut name)?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}

#[test]
fn a_broker_that_was_killed_keeps_its_queues_and_is_reached_by_the_same_cut() {
    let broker = rabbitmq();
    let cut = Cut::before_container(&broker, AMQP);
    assert_eq!(greeting(cut.address()).unwrap(), "AMQP");
    let queue = r#"{"durable":true,"arguments":{"x-queue-type":"quorum"}}"#;
    let made = broker.send(RABBITMQ_API, "PUT", "/api/queues/%2f/orders", &GUEST, queue);
    assert_eq!(made.unwrap().status, 201);

    let killed = broker.kill();
    assert_eq!(state(broker.id()), "exited");
    // Nobody is there: the connection that the cut has accepted is reset.
    assert!(greeting(cut.address()).is_err());
    killed.undo();
    assert_eq!(greeting(cut.address()).unwrap(), "AMQP");
    // The engine's own address is asked again, too.
    assert_eq!(greeting(broker.address(AMQP)).unwrap(), "AMQP");
    let queues = broker.output(&["rabbitmqctl", "list_queues", "--quiet", "--no-table-headers"]);
    assert_eq!(queues, "orders\t0");

    cut.set(Mode::Reset);
    assert!(greeting(cut.address()).is_err());
}

#[test]
fn a_paused_container_says_nothing_until_it_goes_on() {
    let image = Build::of("ci/support/tests/fixture.Dockerfile", "ci/support/tests/fixture").run();
    let container = image.container().start();
    let paused = container.pause();
    assert_eq!(state(container.id()), "paused");
    paused.undo();
    assert_eq!(state(container.id()), "running");
    let killed = container.kill();
    assert_eq!(container.inspect("{{.State.ExitCode}}"), "137");
    drop(killed);
    assert_eq!(state(container.id()), "running");
}

#[test]
fn part_panics_with_a_container_paused_and_one_killed() {
    if is_part() {
        let image = Build::of("ci/support/tests/fixture.Dockerfile", "ci/support/tests/fixture").run();
        let (one, two) = (image.container().start(), image.container().start());
        let _paused = one.pause();
        let _killed = two.kill();
        panic!("with two containers harmed");
    }
}

#[test]
fn a_test_that_panics_leaves_no_container_paused_or_ended() {
    let id = format!("faults-panics-{}", std::process::id());
    let out = run(
        "part_panics_with_a_container_paused_and_one_killed",
        &[("BOOK_RUN", &id)],
    );
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("with two containers harmed"), "{out:?}");
    let filter = format!("label=book.test={id}");
    eventually("they are gone", BUDGET, || {
        match output(&["ps", "--all", "--quiet", "--filter", &filter]) {
            none if none.is_empty() => Ok(()),
            some => Err(some),
        }
    });
}
