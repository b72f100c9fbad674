//! A broker of the test's own, and questions to it.
#![allow(
    dead_code,
    reason = "each test that includes this file needs a part of it"
)]

use std::future::Future;
use std::time::Duration;

use book_support::engines::{AMQP, Engine, rabbitmq};
use book_support::eventually;
use confirmed_publish::click::Click;
use confirmed_publish::patience::{Link, Patience};
use confirmed_publish::queue;
use tokio::runtime::{Builder, Runtime};

/// Longest that a test waits for anything.
pub const BUDGET: Duration = Duration::from_secs(60);

/// The link that is clicked.
pub const CODE: &str = "VcdWRhe";

/// Waits long: a test on a busy machine must not take it for a broker that is silent.
pub const PATIENT: Patience = Patience {
    answer: Duration::from_secs(30),
    pause: Duration::from_millis(500),
    deadline: Duration::from_secs(120),
};

/// Gives up soon.
pub const HASTY: Patience = Patience {
    answer: Duration::from_secs(2),
    pause: Duration::from_millis(100),
    deadline: Duration::from_secs(5),
};

/// A broker, and a runtime to talk to it.
pub struct Bench {
    pub runtime: Runtime,
    pub broker: Engine,
}

/// The address of a broker that is reached there.
pub fn url(address: std::net::SocketAddr) -> String {
    format!("amqp://guest:guest@{address}/%2f")
}

impl Bench {
    pub fn start() -> Bench {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Bench { runtime, broker: rabbitmq() }
    }

    /// The broker's address as it is now, past every cut.
    pub fn url(&self) -> String {
        url(self.broker.address(AMQP))
    }

    pub fn run<T>(&self, what: impl Future<Output = T>) -> T {
        let bounded =
            async { tokio::time::timeout(2 * BUDGET, what).await };
        self.runtime.block_on(bounded).expect("it ends in time")
    }

    /// Makes the queue, or asks it: messages that wait, consumers.
    pub fn queue(&self) -> (u32, u32) {
        let url = self.url();
        self.run(async {
            let link = Link::open(&url).await.unwrap();
            let queue = queue::declare(&link.channel).await.unwrap();
            let answer =
                (queue.message_count(), queue.consumer_count());
            link.close().await;
            answer
        })
    }

    /// Waits until the broker's directory of its queues, on disk, names the queue. RabbitMQ writes that file some time
    /// after it has answered; of a queue that is younger, a broker that is killed forgets that it has the messages.
    pub fn settled(&self) {
        let find = "grep -l clicks /var/lib/rabbitmq/mnesia/*/quorum/*/names.dets";
        eventually(
            "the queue is in the broker's directory",
            BUDGET,
            || {
                let found = self.broker.exec(&["sh", "-c", find]);
                found.status.success().then_some(()).ok_or(found)
            },
        );
    }

    /// Waits until the queue is so.
    pub fn until(&self, what: &str, holds: impl Fn(u32, u32) -> bool) {
        eventually(what, BUDGET, || match self.queue() {
            (messages, consumers) if holds(messages, consumers) => {
                Ok(())
            }
            other => Err(other),
        });
    }
}

/// Clicks with ids of their own.
pub fn clicks(count: u32) -> Vec<Click> {
    Click::numbered(CODE, 0..count)
}

/// A captured file beside this crate.
pub fn file(name: &str) -> String {
    format!(
        "listings/23-microservices/confirmed-publish/captured/{name}.txt"
    )
}
