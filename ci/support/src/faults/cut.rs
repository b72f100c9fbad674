//! A TCP proxy that breaks what goes through it.
//!
//! Each connection has two directions, and each direction a thread that reads and a thread that writes: so a delay
//! delays, and does not also make the line narrow. Reads and writes look up every [`TICK`], which is how a change of the
//! mode reaches a connection on which nothing happens.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a thread looks whether the mode has changed.
const TICK: Duration = Duration::from_millis(10);
/// Longest that the address behind the proxy may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Connections that may be open at once. One more is reset.
const CONNECTIONS: usize = 64;
/// Bytes that one direction of a connection holds back. Then it reads no more, and the sender feels it.
const HELD: usize = 1 << 20;
/// Bytes that are read at once.
const PIECE: usize = 16 << 10;
/// A narrow line sends what it may send in this time at once.
const STEP: Duration = Duration::from_millis(5);

/// What happens to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They go through.
    Pass,
    /// Connections end with RST: those that are open, and each new one.
    Reset,
    /// They stay here. New connections are accepted. What was held goes on its way when the mode changes to one that
    /// lets it.
    Hang,
    /// They go through this much later, in each direction.
    Delay(Duration),
    /// At most this many go through in a second, in each direction; 0 counts as 1.
    Bandwidth(u32),
}

/// One of the two directions of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Requests,
    Answers,
}

/// The proxy. It ends, and all that is open through it, when it is dropped.
pub struct Cut {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

/// Where a connection leads. It is asked for each connection anew: a container that was restarted has another port.
type Behind = Box<dyn Fn() -> io::Result<SocketAddr> + Send + Sync>;

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    behind: Behind,
}

struct State {
    requests: Mode,
    answers: Mode,
    /// Counts resets. A connection that began before the last one has to end.
    resets: u64,
    open: usize,
    over: bool,
}

impl Cut {
    /// In front of an address.
    pub fn before(address: SocketAddr) -> Cut {
        Cut::before_what(move || Ok(address))
    }

    /// In front of what the closure names, which is asked for each connection. A connection for which it has no answer
    /// is reset.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn before_what(behind: impl Fn() -> io::Result<SocketAddr> + Send + Sync + 'static) -> Cut {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on 127.0.0.1");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                requests: Mode::Pass,
                answers: Mode::Pass,
                resets: 0,
                open: 0,
                over: false,
            }),
            changed: Condvar::new(),
            behind: Box::new(behind),
        });
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Cut {
            shared,
            address,
            accepting: Some(accepting),
        }
    }

    /// Where it listens, on 127.0.0.1.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the mode of both directions, also for connections that are open. After [`Mode::Reset`] it comes back when
    /// none is open any more.
    pub fn set(&self, mode: Mode) {
        self.change(|state| (state.requests, state.answers) = (mode, mode));
    }

    /// Sets the mode of what goes to the address behind the proxy.
    pub fn set_requests(&self, mode: Mode) {
        self.change(|state| state.requests = mode);
    }

    /// Sets the mode of what comes back.
    pub fn set_answers(&self, mode: Mode) {
        self.change(|state| state.answers = mode);
    }

    /// How many connections are open through it.
    pub fn open(&self) -> usize {
        self.shared.lock().open
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.shared.lock();
        change(&mut state);
        let reset = [state.requests, state.answers].contains(&Mode::Reset);
        if reset {
            state.resets += 1;
        }
        self.shared.changed.notify_all();
        while reset && state.open > 0 {
            state = self.shared.wait(state, TICK);
        }
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_all();
        // Wakes `accept`, which then finds that it is over.
        let woken = TcpStream::connect_timeout(&self.address, CONNECT);
        if let (Ok(_), Some(accepting)) = (woken, self.accepting.take()) {
            // A panic of that thread has been printed.
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, longest: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, longest);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl State {
    fn mode(&self, direction: Direction) -> Mode {
        match direction {
            Direction::Requests => self.requests,
            Direction::Answers => self.answers,
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    for client in listener.incoming() {
        let Ok(client) = client else { continue };
        connections.retain(|c| !c.is_finished());
        let mut state = shared.lock();
        if state.over {
            break;
        }
        let reset = [state.requests, state.answers].contains(&Mode::Reset);
        if reset || state.open == CONNECTIONS {
            end_with_rst(&client);
            continue;
        }
        state.open += 1;
        let born = state.resets;
        drop(state);
        let shared = Arc::clone(shared);
        connections.push(std::thread::spawn(move || {
            let _open = Open(&shared);
            connection(client, &shared, born);
        }));
    }
    for connection in connections {
        let _ = connection.join();
    }
}

/// Counts one connection as open for as long as it lives.
struct Open<'a>(&'a Shared);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
        self.0.changed.notify_all();
    }
}

/// From now on, closing it sends RST instead of FIN.
fn end_with_rst(stream: &TcpStream) {
    // It fails for a connection that is gone already.
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Serves one connection until it ends. Both streams are closed when it comes back.
fn connection(client: TcpStream, shared: &Shared, born: u64) {
    let life = Life { shared, born };
    let Some(server) = life.reach() else {
        end_with_rst(&client);
        return;
    };
    for stream in [&client, &server] {
        // Without these a thread could not look up: a connection that refuses them is not used.
        let set = stream
            .set_read_timeout(Some(TICK))
            .and_then(|()| stream.set_write_timeout(Some(TICK)))
            .and_then(|()| stream.set_nodelay(true));
        if set.is_err() {
            return;
        }
    }
    let lines = [Line::default(), Line::default()];
    let [requests, answers] = &lines;
    let clean = std::thread::scope(|scope| {
        scope.spawn(|| life.read(&client, requests));
        scope.spawn(|| life.read(&server, answers));
        let back = scope.spawn(|| life.write(&client, answers, Direction::Answers, requests));
        let forth = life.write(&server, requests, Direction::Requests, answers);
        forth && back.join().unwrap_or(false)
    });
    if !clean {
        end_with_rst(&client);
        end_with_rst(&server);
    }
}

/// What was read in one direction and is not yet written.
#[derive(Default)]
struct Line {
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Default)]
struct Held {
    /// When it was read, and the bytes.
    pieces: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// Nothing more will be read.
    ended: bool,
    /// The connection is broken: neither direction goes on.
    broken: bool,
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, or for a tick.
    fn tick<'a>(&self, held: MutexGuard<'a, Held>, longest: Duration) -> MutexGuard<'a, Held> {
        let waited = self.changed.wait_timeout(held, longest.min(TICK));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn break_off(&self) {
        self.lock().broken = true;
        self.changed.notify_all();
    }
}

/// Whether a connection goes on, and how.
struct Life<'a> {
    shared: &'a Shared,
    born: u64,
}

impl Life<'_> {
    /// The mode of a direction; none when the connection has to end.
    fn mode(&self, direction: Direction) -> Option<Mode> {
        let state = self.shared.lock();
        (!state.over && state.resets == self.born).then(|| state.mode(direction))
    }

    /// Connects to what is behind the proxy, but not while requests hang.
    fn reach(&self) -> Option<TcpStream> {
        while self.mode(Direction::Requests)? == Mode::Hang {
            drop(self.shared.wait(self.shared.lock(), TICK));
        }
        TcpStream::connect_timeout(&(self.shared.behind)().ok()?, CONNECT).ok()
    }

    /// Reads until there is nothing more, or the connection has to end.
    fn read(&self, mut from: &TcpStream, line: &Line) {
        let mut piece = vec![0; PIECE];
        loop {
            let mut held = line.lock();
            while held.bytes >= HELD && !held.broken {
                held = line.tick(held, TICK);
            }
            if held.broken {
                return;
            }
            drop(held);
            let read = match from.read(&mut piece) {
                Ok(read) => read,
                Err(e) if is_tick(&e) => continue,
                Err(_) => return line.break_off(),
            };
            let mut held = line.lock();
            if read == 0 {
                held.ended = true;
            } else {
                held.pieces.push_back((Instant::now(), piece[..read].to_vec()));
                held.bytes += read;
            }
            line.changed.notify_all();
            if read == 0 {
                return;
            }
        }
    }

    /// Writes until all was written, or the connection has to end. Whether it ended by itself.
    fn write(&self, to: &TcpStream, line: &Line, direction: Direction, other: &Line) -> bool {
        let clean = self.write_all(to, line, direction);
        if clean {
            // The other direction may go on.
            let _ = to.shutdown(Shutdown::Write);
        } else {
            line.break_off();
            other.break_off();
        }
        clean
    }

    fn write_all(&self, mut to: &TcpStream, line: &Line, direction: Direction) -> bool {
        // A narrow line is free again at this moment.
        let mut free = Instant::now();
        loop {
            let mut held = line.lock();
            if held.broken {
                return false;
            }
            let Some(mode) = self.mode(direction) else { return false };
            let now = Instant::now();
            let most = match (mode, held.pieces.front()) {
                (Mode::Reset, _) => return false,
                (Mode::Hang, _) => None,
                (_, None) if held.ended => return true,
                (_, None) => None,
                (Mode::Pass, _) => Some(PIECE),
                (Mode::Delay(late), Some((read, _))) => match (*read + late).checked_duration_since(now) {
                    None => Some(PIECE),
                    Some(wait) if wait.is_zero() => Some(PIECE),
                    Some(wait) => {
                        drop(line.tick(held, wait));
                        continue;
                    }
                },
                (Mode::Bandwidth(rate), _) if free <= now => {
                    let step = u64::from(rate) * STEP.as_millis() as u64 / 1000;
                    Some(usize::try_from(step).unwrap_or(PIECE).clamp(1, PIECE))
                }
                (Mode::Bandwidth(_), _) => {
                    drop(line.tick(held, free - now));
                    continue;
                }
            };
            let (Some(most), Some((read, mut piece))) = (most, most.and_then(|_| held.pieces.pop_front())) else {
                drop(line.tick(held, TICK));
                continue;
            };
            drop(held);
            let written = match to.write(&piece[..piece.len().min(most)]) {
                Ok(0) => return false,
                Ok(written) => written,
                Err(e) if is_tick(&e) => 0,
                Err(_) => return false,
            };
            if let Mode::Bandwidth(rate) = mode {
                free = free.max(now) + Duration::from_secs_f64(written as f64 / f64::from(rate.max(1)));
            }
            let mut held = line.lock();
            held.bytes -= written;
            if written < piece.len() {
                piece.drain(..written);
                held.pieces.push_front((read, piece));
            }
            line.changed.notify_all();
        }
    }
}

fn is_tick(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests;
