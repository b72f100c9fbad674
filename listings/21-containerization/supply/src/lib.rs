//! What a container may do, what is in an image, and for which machines.
//!
//! | module | what lives there |
//! |---|---|
//! | [`audit`] | what a container was allowed, rule by rule |
//! | [`contents`] | what a program was made from |
//! | [`inspect`] | what `docker inspect` says, as far as the rules read it |
//! | [`elf`] | which processor a program is for |
//!
//! There is no engine here: the programs read what an engine printed, and
//! so do most tests.

pub mod audit;
pub mod contents;
pub mod elf;
pub mod inspect;
