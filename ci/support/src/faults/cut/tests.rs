//! Every mode, with a server in this process. Times are compared with times of the same run.

use std::sync::Weak;

use super::*;
use crate::eventually;

const BUDGET: Duration = Duration::from_secs(20);

/// A server that sends back what it gets, for as many connections as come. It ends when dropped.
struct Echo {
    address: SocketAddr,
    over: Arc<Mutex<bool>>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    fn start() -> Echo {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let over = Arc::new(Mutex::new(false));
        let asked = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            std::thread::scope(|scope| {
                for stream in listener.incoming() {
                    if *asked.lock().unwrap() {
                        return;
                    }
                    let mut stream = stream.unwrap();
                    scope.spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut stream));
                }
            });
        });
        Echo {
            address,
            over,
            thread: Some(thread),
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        *self.over.lock().unwrap() = true;
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn connect(cut: &Cut) -> TcpStream {
    let stream = TcpStream::connect(cut.address()).unwrap();
    stream.set_read_timeout(Some(BUDGET)).unwrap();
    stream
}

/// Sends this many bytes and reads them back; how long that took.
fn echo(stream: &mut TcpStream, bytes: usize) -> Duration {
    let sent: Vec<u8> = (0..bytes).map(|i| i as u8).collect();
    let mut back = vec![0; bytes];
    let start = Instant::now();
    stream.write_all(&sent).unwrap();
    stream.read_exact(&mut back).unwrap();
    assert!(back == sent, "other bytes came back");
    start.elapsed()
}

/// Whether there is something to read now.
fn is_silent(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let silent = stream.peek(&mut [0]).is_err_and(|e| e.kind() == ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
    silent
}

#[test]
fn bytes_pass_both_ways_and_an_end_is_passed_on() {
    let server = Echo::start();
    let cut = Cut::before(server.address);
    let mut stream = connect(&cut);
    // More than one direction holds back.
    let mut back = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (&stream).write_all(&vec![7; 3 * HELD]).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        (&stream).read_to_end(&mut back).unwrap();
    });
    assert!(back == vec![7; 3 * HELD]);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    eventually("the connection is gone", BUDGET, || match cut.open() {
        0 => Ok(()),
        open => Err(open),
    });
}

#[test]
fn a_reset_ends_open_connections_and_new_ones_until_it_is_taken_back() {
    let server = Echo::start();
    let cut = Cut::before(server.address);
    let mut stream = connect(&cut);
    echo(&mut stream, 1);
    cut.set(Mode::Reset);
    assert_eq!(cut.open(), 0);
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    // A new one may be reset before `connect` comes back.
    let new = TcpStream::connect(cut.address()).and_then(|mut s| s.read(&mut [0]));
    assert_eq!(new.unwrap_err().kind(), ErrorKind::ConnectionReset);
    cut.set(Mode::Pass);
    echo(&mut connect(&cut), 1);
}

#[test]
fn what_hangs_is_held_and_goes_on_later() {
    let server = Echo::start();
    let cut = Cut::before(server.address);
    let mut open = connect(&cut);
    echo(&mut open, 1);
    cut.set(Mode::Hang);
    let mut new = connect(&cut);
    for stream in [&mut open, &mut new] {
        stream.write_all(b"held").unwrap();
    }
    // Another proxy passes the same all the time: what had to come would have come meanwhile.
    let beside = Cut::before(server.address);
    let mut free = connect(&beside);
    for _ in 0..50 {
        echo(&mut free, 1);
    }
    assert!(is_silent(&open) && is_silent(&new));
    cut.set(Mode::Pass);
    for stream in [&mut open, &mut new] {
        let mut back = [0; 4];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"held");
    }
}

#[test]
fn each_direction_can_hang_alone() {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let cut = Cut::before(server.local_addr().unwrap());
    let mut client = connect(&cut);
    let (mut behind, _) = server.accept().unwrap();
    behind.set_read_timeout(Some(BUDGET)).unwrap();
    let mut byte = [0];

    cut.set_answers(Mode::Hang);
    client.write_all(b"q").unwrap();
    behind.read_exact(&mut byte).unwrap();
    behind.write_all(b"a").unwrap();
    assert!(is_silent(&client));

    cut.set_requests(Mode::Hang);
    cut.set_answers(Mode::Pass);
    client.read_exact(&mut byte).unwrap();
    client.write_all(b"q").unwrap();
    assert!(is_silent(&behind));
}

#[test]
fn a_delay_counts_once_for_each_direction_and_leaves_the_line_wide() {
    let server = Echo::start();
    let cut = Cut::before(server.address);
    let mut stream = connect(&cut);
    let late = Duration::from_millis(100);
    cut.set(Mode::Delay(late));
    let one = echo(&mut stream, 1);
    // Many pieces are on their way together. One after the other they would take 32 times as long.
    let many = echo(&mut stream, 32 * PIECE);
    assert!(one >= 2 * late, "{one:?}");
    assert!(many >= 2 * late, "{many:?}");
    assert!(many < 16 * one, "{many:?}, one byte {one:?}");
    cut.set(Mode::Pass);
    let passed = echo(&mut stream, 1);
    assert!(passed < one, "{passed:?}, late {one:?}");
}

#[test]
fn a_line_of_half_the_width_takes_about_twice_as_long() {
    let server = Echo::start();
    let cut = Cut::before(server.address);
    let mut stream = connect(&cut);
    let time = |stream: &mut TcpStream, rate| {
        cut.set(Mode::Bandwidth(rate));
        echo(stream, 50_000)
    };
    let wide = time(&mut stream, 200_000);
    let narrow = time(&mut stream, 50_000);
    // Never faster than promised; how much slower is the machine's affair.
    assert!(wide >= Duration::from_millis(225), "{wide:?}");
    assert!(narrow >= Duration::from_millis(900), "{narrow:?}");
    assert!(narrow > wide, "{narrow:?}, wide {wide:?}");
}

#[test]
fn where_it_leads_is_asked_for_each_connection() {
    let servers = [Echo::start(), Echo::start()];
    let behind = Arc::new(Mutex::new(Some(servers[0].address)));
    let asked = Arc::clone(&behind);
    let cut = Cut::before_what(move || asked.lock().unwrap().ok_or_else(|| io::Error::other("not there")));
    let mut first = connect(&cut);
    echo(&mut first, 1);
    *behind.lock().unwrap() = None;
    let refused = TcpStream::connect(cut.address()).and_then(|mut s| s.read(&mut [0]));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionReset);
    *behind.lock().unwrap() = Some(servers[1].address);
    echo(&mut connect(&cut), 1);
    echo(&mut first, 1);
}

#[test]
fn one_connection_more_than_it_takes_is_reset() {
    let server = Echo::start();
    let cut = Cut::before(server.address);
    let mut open: Vec<TcpStream> = (0..CONNECTIONS).map(|_| connect(&cut)).collect();
    for stream in &mut open {
        echo(stream, 1);
    }
    let refused = TcpStream::connect(cut.address()).and_then(|mut s| s.read(&mut [0]));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(cut.open(), CONNECTIONS);
}

#[test]
fn nothing_of_it_is_left_when_it_is_dropped() {
    let server = Echo::start();
    for mode in [Mode::Pass, Mode::Hang, Mode::Delay(BUDGET), Mode::Bandwidth(1)] {
        let cut = Cut::before(server.address);
        let mut stream = connect(&cut);
        echo(&mut stream, 1);
        cut.set(mode);
        stream.write_all(&[0; 100]).unwrap();
        // Every thread of it holds one.
        let shared: Weak<Shared> = Arc::downgrade(&cut.shared);
        drop(cut);
        assert_eq!(shared.strong_count(), 0, "{mode:?}");
        let ended = stream.read_to_end(&mut Vec::new());
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset, "{mode:?}");
    }
}
