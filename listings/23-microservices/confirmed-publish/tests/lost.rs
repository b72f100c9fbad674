//! What publishing in hope loses.

mod common;

use book_support::captured;
use book_support::engines::AMQP;
use book_support::faults::{Cut, Mode};
use common::{Bench, clicks, file, url};
use confirmed_publish::hopeful;
use confirmed_publish::patience::Link;
use lapin::Confirmation;
use lapin::options::BasicPublishOptions;

#[test]
fn a_cut_loses_what_was_published_and_nobody_is_told() {
    let bench = Bench::start();
    bench.queue();
    let cut = Cut::before_container(&bench.broker, AMQP);
    let url = url(cut.address());
    let clicks = clicks(20);
    let (before, after) = clicks.split_at(10);

    let link = bench.run(Link::open(&url)).unwrap();
    let good =
        bench.run(hopeful::publish(&link.channel, before)).unwrap();
    bench.until("the first ten are kept", |messages, _| messages == 10);
    // The broker is out of reach, and no socket has noticed.
    cut.set_requests(Mode::Hang);
    let lost =
        bench.run(hopeful::publish(&link.channel, after)).unwrap();
    let answer = bench.run(async {
        let options = BasicPublishOptions::default();
        clicks[0].send(&link.channel, options).await.unwrap().await
    });
    assert_eq!(answer, Ok(Confirmation::NotRequested));
    cut.set(Mode::Reset);
    let (kept, _) = bench.queue();
    captured(
        &file("lost"),
        &format!(
            "published before the cut  {good}\n\
             published after the cut   {lost}\n\
             kept by the broker        {kept}\n\
             the answer to each        {:?}",
            answer.unwrap()
        ),
    );
}

#[test]
fn a_click_that_no_queue_takes_is_published_as_well() {
    let bench = Bench::start();
    let link = bench.run(Link::open(&bench.url())).unwrap();
    let clicks = clicks(10);
    assert_eq!(
        bench.run(hopeful::publish(&link.channel, &clicks)),
        Ok(10)
    );
    bench.run(link.close());
    assert_eq!(bench.queue(), (0, 0));
}
