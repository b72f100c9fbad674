//! Hashing, and what it costs.

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};

/// Why a password could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cost is out of the algorithm's bounds.
    #[error("{0}")]
    Cost(argon2::Error),
    /// The password is.
    #[error("{0}")]
    Password(argon2::password_hash::Error),
}

// ANCHOR: cost
/// What one hash takes: from an attacker who guesses, and from us.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// In KiB: all of it is written to.
    pub memory: u32,
    /// How often the memory is gone through.
    pub passes: u32,
}

impl Default for Cost {
    fn default() -> Cost {
        Cost { memory: 32 * 1024, passes: 16 }
    }
}
// ANCHOR_END: cost

// ANCHOR: hash
/// The text to store in a password's place. Argon2 is slow on
/// purpose: who has stolen the text can only guess.
pub fn hash(password: &str, cost: Cost) -> Result<String, Error> {
    let params = Params::new(cost.memory, cost.passes, 1, None);
    let argon2 = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        params.map_err(Error::Cost)?,
    );
    let hashed = argon2.hash_password(password.as_bytes());
    Ok(hashed.map_err(Error::Password)?.to_string())
}
// ANCHOR_END: hash
