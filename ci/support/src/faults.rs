//! What goes wrong in the world, for tests. Everything is undone at the end, also when the test panics.
//!
//! [`Cut`] stands between a client and a server, and cuts, holds, delays or slows what they say. With the feature
//! `docker`, [`Faults`] pauses, kills and restarts a container.
//!
//! A container that starts again gets *another* port of this machine when the Docker engine chose the first. So ask an
//! engine for its address again after a restart; a program under test cannot ask, and gets a [`Cut`], whose own address
//! stays and which asks for each connection:
//!
//! ```no_run
//! # #[cfg(feature = "docker")] {
//! use book_support::engines::{self, AMQP};
//! use book_support::faults::{Cut, Faults, Mode};
//!
//! let broker = engines::rabbitmq();
//! let cut = Cut::before_container(&broker, AMQP);
//! let url = format!("amqp://guest:guest@{}/%2f", cut.address());
//! broker.restart(); // The url is as good as before.
//! cut.set(Mode::Hang); // Now nobody answers there.
//! # }
//! ```

mod cut;

pub use cut::{Cut, Mode};

#[cfg(feature = "docker")]
pub use containers::{Faults, Killed, Paused};

#[cfg(feature = "docker")]
mod containers;
