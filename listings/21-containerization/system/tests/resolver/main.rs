//! The resolver with a real PostgreSQL: what it answers, what it says
//! when the database is gone, how it stops.

mod bench;
mod faults;
mod rpcs;
mod schema;
mod stop;
