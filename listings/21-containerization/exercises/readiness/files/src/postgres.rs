//! Asking Postgres whether it is there, in the bytes of its protocol.

use std::io::{Error, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The message SSLRequest: its length, and the number that says so.
const MAY_WE_SPEAK_TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Connects and waits for one letter, which Postgres answers to
/// everybody. Each of both may take `longest`, or for ever.
pub fn ask(
    database: SocketAddr,
    longest: Option<Duration>,
) -> Result<()> {
    let mut stream = match longest {
        Some(longest) => {
            TcpStream::connect_timeout(&database, longest)?
        }
        None => TcpStream::connect(database)?,
    };
    stream.set_read_timeout(longest)?;
    stream.write_all(&MAY_WE_SPEAK_TLS)?;
    let mut letter = [0];
    stream.read_exact(&mut letter)?;
    match letter {
        [b'S' | b'N'] => Ok(()),
        _ => Err(Error::other("this is no Postgres")),
    }
}
