//! What an engine does with a program over days: refuses, restarts, collects, replaces.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use book_support::docker::Image;
use book_support::faults::Cut;
use book_support::{captured, eventually};
use production_tests::{
    Container, captured as file, links_api, passwords, send,
};

const LINK: &str = r#"{"target":"https://www.rust-lang.org"}"#;
const BUDGET: Duration = Duration::from_secs(60);

#[test]
fn a_bad_value_is_tried_again_and_then_given_up() {
    let image = links_api();
    let bad = ["--restart=on-failure:3", "--env=LINKS_LISTEN=8080"];
    let container = Container::run(&image, &bad);
    container.ended();
    let state = "status={{.State.Status}} code={{.State.ExitCode}} restarts={{.RestartCount}}";
    assert_eq!(
        container.inspect(state),
        "status=exited code=78 restarts=3"
    );
    // One line for each time that it was started.
    let log = container.logs();
    assert_eq!(log.lines().count(), 4, "{log}");
    let same =
        log.lines().all(|line| line.contains("LINKS_LISTEN=8080"));
    assert!(same, "{log}");
}

#[test]
fn a_program_that_was_killed_is_started_again() {
    let image = passwords();
    let flags = [
        "--restart=unless-stopped",
        "--memory=128m",
        "--memory-swap=128m",
    ];
    let container = Container::serving(&image, &flags);
    let first = container.address().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| send(first, "POST", "/hash/aside", "horse"));
        }
    });
    eventually("it was started again", BUDGET, || {
        match container.inspect("{{.RestartCount}}") {
            count if count != "0" => Ok(()),
            count => Err(count),
        }
    });
    container.answers("/livez");
    // Told to stop, it stays away.
    container.docker(&["stop"]);
    assert_eq!(container.inspect("{{.State.Status}}"), "exited");
}

#[test]
fn logs_take_no_more_room_than_they_are_given() {
    let image = links_api();
    let limits = ["--log-opt=max-size=8k", "--log-opt=max-file=2"];
    let container = Container::serving(&image, &limits);
    const MADE: usize = 200;
    for _ in 0..MADE {
        let (status, _) =
            container.send("POST", "/links", LINK).unwrap();
        assert_eq!(status, 201);
    }
    let log = container.logs();
    let made = log.lines().filter(|l| l.contains("link created"));
    let kept = made.count();
    assert!(kept > 0 && kept < MADE / 2, "{kept} lines");
    let last = log.lines().last().unwrap();
    let parsed: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(parsed["level"], "INFO");
}

/// Sends the head of a request, and waits until the program works on it.
fn begin(server: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(BUDGET)).unwrap();
    let length = LINK.len();
    write!(
        stream,
        "POST /links HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\nexpect: 100-continue\r\n\r\n"
    )
    .unwrap();
    let mut go_on = *b"HTTP/1.1 100 Continue\r\n\r\n";
    stream.read_exact(&mut go_on).unwrap();
    stream
}

/// Sends the rest; the answer's status.
fn finish(mut stream: TcpStream) -> Option<u16> {
    stream.write_all(LINK.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

#[test]
fn an_engine_that_waits_less_than_the_program_cuts_it_off() {
    let image = links_api();
    let mut lines = Vec::new();
    for (timeout, drain) in [("1", "30"), ("30", "1")] {
        let drain_flag = format!("--env=LINKS_DRAIN_SECONDS={drain}");
        let flags = [drain_flag.as_str(), "--stop-timeout", timeout];
        let container = Container::serving(&image, &flags);
        // A client that never sends the rest.
        let silent = begin(container.address().unwrap());
        container.docker(&["stop"]);
        let code = container.inspect("{{.State.ExitCode}}");
        let last = container.logs();
        let last: serde_json::Value =
            serde_json::from_str(last.lines().last().unwrap()).unwrap();
        lines.push(format!(
            "engine waits {timeout:>2} s, program drains {drain:>2} s: \
             code {code:>3}, last words {}",
            last["message"]
        ));
        drop(silent);
    }
    captured(&file("stop.txt"), &lines.join("\n"));
}

/// Requests one after another while something happens. How many were
/// sent, and how many were not answered with 201.
fn asked_while(
    proxy: SocketAddr,
    happens: impl FnOnce(&dyn Fn()),
) -> (usize, usize) {
    let over = AtomicBool::new(false);
    let (sent, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // Lets some more requests pass before it goes on.
    let some_more = || {
        let before = sent.load(Ordering::Relaxed);
        eventually("requests are sent", BUDGET, || {
            match sent.load(Ordering::Relaxed) {
                now if now >= before + 20 => Ok(()),
                now => Err(now),
            }
        });
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let answer = send(proxy, "POST", "/links", LINK);
                if answer.is_none_or(|(status, _)| status != 201) {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                sent.fetch_add(1, Ordering::Relaxed);
            }
        });
        some_more();
        happens(&some_more);
        some_more();
        over.store(true, Ordering::Relaxed);
    });
    (sent.into_inner(), failed.into_inner())
}

/// A proxy, and where it leads.
fn proxy(to: SocketAddr) -> (Cut, Arc<Mutex<SocketAddr>>) {
    let now = Arc::new(Mutex::new(to));
    let asked = Arc::clone(&now);
    (Cut::before_what(move || Ok(*asked.lock().unwrap())), now)
}

fn stop_first(image: &Image) -> usize {
    let old = Container::serving(image, &[]);
    let new = Mutex::new(None);
    let (cut, leads) = proxy(old.address().unwrap());
    let (_, failed) = asked_while(cut.address(), |some_more| {
        old.docker(&["stop"]);
        some_more();
        let after = Container::serving(image, &[]);
        after.answers("/readyz");
        *leads.lock().unwrap() = after.address().unwrap();
        // Kept until nobody asks any more.
        *new.lock().unwrap() = Some(after);
    });
    failed
}

fn new_beside_old(image: &Image) -> (usize, Option<u16>, String) {
    // On a busy machine the request in flight takes its time.
    let patient = [
        "--env=LINKS_REQUEST_SECONDS=600",
        "--env=LINKS_DRAIN_SECONDS=600",
    ];
    let old = Container::serving(image, &patient);
    let new = Mutex::new(None);
    let (cut, leads) = proxy(old.address().unwrap());
    let mut in_flight = None;
    let mut code = String::new();
    let (_, failed) = asked_while(cut.address(), |some_more| {
        let begun = begin(old.address().unwrap());
        let beside = Container::serving(image, &[]);
        beside.answers("/readyz");
        *leads.lock().unwrap() = beside.address().unwrap();
        some_more();
        old.docker(&["kill", "--signal=TERM"]);
        some_more();
        in_flight = finish(begun);
        old.ended();
        code = old.inspect("{{.State.ExitCode}}");
        *new.lock().unwrap() = Some(beside);
    });
    (failed, in_flight, code)
}

#[test]
fn a_rollout_starts_the_new_one_before_it_stops_the_old_one() {
    let image = links_api();
    let some = match stop_first(&image) {
        0 => "none",
        _ => "some",
    };
    let (failed, in_flight, code) = new_beside_old(&image);
    let none = if failed == 0 { "none" } else { "some" };
    let in_flight = in_flight.map_or("lost".into(), |s| s.to_string());
    captured(
        &file("rollout.txt"),
        &format!(
            "stop the old one, start the new one:      {some} failed\n\
             start the new one, switch, stop the old:  {none} failed\n\
             a request in flight on the old one:       {in_flight}\n\
             the old one's exit code:                  {code}"
        ),
    );
}
