//! Whom this program trusts. It finds that out at start: one that trusts nobody has nothing to do.

use rustls::RootCertStore;
use rustls_native_certs::load_native_certs;

/// There is nobody to trust.
#[derive(Debug, thiserror::Error)]
#[error(
    "no certificates of authorities; copy them to \
     /etc/ssl/certs/ca-certificates.crt, or name their file in \
     SSL_CERT_FILE"
)]
pub struct TrustsNobody;

// ANCHOR: load
/// The certificates of authorities on this system: the file that
/// SSL_CERT_FILE names, else the place where distributions put them.
pub fn load() -> Result<RootCertStore, TrustsNobody> {
    let mut roots = RootCertStore::empty();
    let found = load_native_certs().certs;
    let (taken, _) = roots.add_parsable_certificates(found);
    match taken {
        0 => Err(TrustsNobody),
        _ => Ok(roots),
    }
}
// ANCHOR_END: load
