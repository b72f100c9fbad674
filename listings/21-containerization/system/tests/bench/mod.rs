//! A broker and a database of the test's own, and the programs of the system between them.
#![allow(
    dead_code,
    reason = "each test that includes this file needs a part of it"
)]

use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use book_support::engines::{AMQP, Engine, POSTGRES};
use book_support::{engines, eventually};
use clicks::counts::Counts;
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Connection};
use links_contract::broker;
use links_contract::click::QUEUE;
use tokio::runtime::{Builder, Runtime};

/// Longest that a test waits for anything.
pub const BUDGET: Duration = Duration::from_secs(120);

/// The link that is clicked.
pub const CODE: &str = "VcdWRhe";

/// The address of a broker that is reached there.
pub fn amqp(address: SocketAddr) -> String {
    format!("amqp://guest:guest@{address}/%2f")
}

/// The address of a database that is reached there.
pub fn postgres(address: SocketAddr) -> String {
    format!("postgres://postgres:postgres@{address}/postgres")
}

/// A captured file beside this crate.
pub fn file(name: &str) -> String {
    format!("listings/21-containerization/system/captured/{name}.txt")
}

/// Both engines, and a runtime to talk to them.
pub struct Bench {
    pub runtime: Runtime,
    pub broker: Engine,
    pub database: Engine,
}

impl Bench {
    pub fn start() -> Bench {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let database = engines::postgres();
        Bench { runtime, broker: engines::rabbitmq(), database }
    }

    /// Waits for a future, but not for ever.
    pub fn run<T>(&self, what: impl Future<Output = T>) -> T {
        let bounded =
            async { tokio::time::timeout(BUDGET, what).await };
        self.runtime.block_on(bounded).expect("it ends in time")
    }

    /// The counts, past every cut.
    pub fn counts(&self) -> Counts {
        let url = postgres(self.database.address(POSTGRES));
        let _inside = self.runtime.enter();
        Counts::new(url.parse().unwrap())
    }

    /// Waits until that many clicks on a link are counted.
    pub fn counted(&self, counts: &Counts, code: &str, clicks: i64) {
        eventually("the clicks are counted", BUDGET, || {
            match self.run(counts.of(code)) {
                Ok(counted) if counted == clicks => Ok(()),
                other => Err(other),
            }
        });
    }

    /// Asks a queue: messages that wait, consumers.
    pub fn queue(
        &self,
        name: &str,
    ) -> Result<(u32, u32), lapin::Error> {
        let url = amqp(self.broker.address(AMQP));
        self.run(async {
            let (connection, channel) = open(&url).await?;
            let passive = QueueDeclareOptions::default().passive();
            let arguments = FieldTable::default();
            let found = channel
                .queue_declare(name.into(), passive, arguments)
                .await?;
            let answer =
                (found.message_count(), found.consumer_count());
            connection.close(200, "bye".into()).await?;
            Ok(answer)
        })
    }

    /// Waits until the broker's directory of its queues, on disk, names
    /// both. RabbitMQ writes that file some time after it has answered;
    /// a broker that is killed before has queues that do not work.
    pub fn settled(&self) {
        for name in ["clicks[^.]", "clicks[.]dead"] {
            let find = format!(
                "LC_ALL=C grep -al '{name}' /var/lib/rabbitmq/mnesia/*/quorum/*/names.dets"
            );
            eventually("the queue is in the directory", BUDGET, || {
                let found = self.broker.exec(&["sh", "-c", &find]);
                found.status.success().then_some(()).ok_or(found)
            });
        }
    }

    /// Waits until a queue is so.
    pub fn until(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(u32, u32) -> bool,
    ) {
        eventually(what, BUDGET, || match self.queue(name) {
            Ok((messages, consumers)) if holds(messages, consumers) => {
                Ok(())
            }
            other => Err(other),
        });
    }

    /// Puts messages into the queue of clicks, which keeps them.
    pub fn publish(&self, bodies: &[&str]) {
        let url = amqp(self.broker.address(AMQP));
        self.run(async {
            let (connection, channel) = open(&url).await?;
            broker::declare(&channel).await?;
            let options = ConfirmSelectOptions::default();
            channel.confirm_select(options).await?;
            for body in bodies {
                let options = BasicPublishOptions::default();
                let properties =
                    BasicProperties::default().with_delivery_mode(2);
                let sent = channel.basic_publish(
                    "".into(),
                    QUEUE.into(),
                    options,
                    body.as_bytes(),
                    properties,
                );
                let confirmed = sent.await?.await?;
                assert!(confirmed.is_ack(), "{confirmed:?}");
            }
            connection.close(200, "bye".into()).await
        })
        .unwrap();
    }
}

async fn open(url: &str) -> lapin::Result<(Connection, Channel)> {
    let uri: AMQPUri = url.parse().expect("a broker's address");
    let connection = broker::connect("test", &uri).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

/// A click's body.
pub fn click(id: &str) -> String {
    format!(r#"{{"id":"{id}","code":"{CODE}"}}"#)
}

/// A program that runs, and ends with its test.
pub struct Program {
    child: Child,
    /// Reads its log to the end: a full pipe would hold the program up.
    log: Option<JoinHandle<String>>,
    pub address: SocketAddr,
}

impl Program {
    /// Starts one on a free port that a variable with this prefix asks
    /// for; it is there when it has said where it listens.
    pub fn start(
        name: &str,
        prefix: &str,
        variables: &[(&str, &str)],
    ) -> Program {
        let mut child = Command::new(book_support::program(name))
            .env(format!("{prefix}_LISTEN"), "127.0.0.1:0")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let event: serde_json::Value =
            serde_json::from_str(&line).unwrap();
        let address = event["address"].as_str().expect(&line);
        let address = address.parse().unwrap();
        let log = std::thread::spawn(move || {
            let mut rest = String::new();
            log.read_to_string(&mut rest).unwrap();
            rest
        });
        Program { child, log: Some(log), address }
    }

    /// SIGKILL: it cannot say goodbye.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; its exit code, and what it has logged.
    pub fn stop(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        let sent =
            Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(sent.unwrap().success());
        let log = self.log.take().unwrap().join().unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(log) = self.log.take()
            && std::thread::panicking()
        {
            eprintln!("its log:\n{}", log.join().unwrap_or_default());
        }
    }
}

/// One request on a connection of its own: status, head and body.
pub fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(BUDGET)).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

/// The status of a GET.
pub fn get(address: SocketAddr, path: &str) -> u16 {
    ask(address, "GET", path, "").0
}

/// Waits until a probe answers so.
pub fn probed(address: SocketAddr, path: &str, status: u16) {
    eventually(&format!("{path} says {status}"), BUDGET, || {
        let (now, answer) = ask(address, "GET", path, "");
        if now == status { Ok(()) } else { Err(answer) }
    });
}
