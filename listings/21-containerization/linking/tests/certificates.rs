//! Whom a program in an image trusts, and what it says when that is nobody. No test leaves this machine: the server is
//! a container, and its authority is its own.

use std::process::Output;
use std::time::{Duration, Instant};

use book_support::docker::{Container, Image, output};
use book_support::{captured, eventually};
use linking::{file, image, said};

const URL: &str = "https://linking-target:8443/";

fn stage(target: &str) -> Image {
    image("certificates", "link-check", target)
}

/// A network of a test's own; removed when dropped.
struct Network(String);

impl Network {
    fn named(purpose: &str) -> Network {
        let run = std::env::var("BOOK_RUN").unwrap_or_default();
        let label = format!("--label=book.test={run}");
        let name = format!("linking-{purpose}-{}", std::process::id());
        output(&["network", "create", &label, &name]);
        Network(name)
    }

    fn flag(&self) -> String {
        format!("--network={}", self.0)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = std::process::Command::new("docker")
            .args(["network", "rm", &self.0])
            .output();
    }
}

/// The server, reachable by its name in a network.
fn target(image: &Image, network: &Network) -> (Container, String) {
    let container = image.container().start();
    let alias = "--alias=linking-target";
    output(&["network", "connect", alias, &network.0, container.id()]);
    let budget = Duration::from_secs(10);
    eventually("the server listens", budget, || {
        let logs = container.logs();
        match logs.contains("listening on") {
            true => Ok(()),
            false => Err(logs),
        }
    });
    let logs = container.logs();
    let end = "-----END CERTIFICATE-----\n";
    let (authority, _) = logs.split_once(end).unwrap();
    let authority = format!("{authority}{end}");
    (container, authority)
}

#[track_caller]
fn assert_ends(output: &Output, code: i32, said_so: &str) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(said(output).contains(said_so), "{output:?}");
}

#[test]
fn whom_an_image_trusts_is_what_was_copied_into_it() {
    let network = Network::named("certificates");
    let server = stage("target");
    let (_server, authority) = target(&server, &network);
    let nobody = stage("trusts-nobody");
    let authorities = stage("trusts-authorities");
    let net = network.flag();

    let ask = [URL];
    let refused = nobody.run_to_end(&[&net], &ask);
    assert_ends(&refused, 78, "no certificates of authorities");
    captured(&file("trusts-nobody"), &said(&refused));
    let unknown = authorities.run_to_end(&[&net], &ask);
    assert_ends(&unknown, 1, "UnknownIssuer");

    // The server's authority, in a file that the program is told of.
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("authority.pem");
    std::fs::write(&pem, authority).unwrap();
    readable(&pem);
    readable(folder.path());
    let volume = format!("--volume={}:/own.pem:ro", pem.display());
    let told = "--env=SSL_CERT_FILE=/own.pem";
    for image in [&nobody, &authorities] {
        let answered = image.run_to_end(&[&net, &volume, told], &ask);
        assert_ends(&answered, 0, "says 200");
    }
    // The variable replaces the bundle: the other way round, a server
    // of a public authority would be the unknown one.
    let bundle = "/etc/ssl/certs/ca-certificates.crt";
    let volume = format!("--volume={}:{bundle}:ro", pem.display());
    let answered = nobody.run_to_end(&[&net, &volume], &ask);
    assert_ends(&answered, 0, "says 200");
    let other = "--env=SSL_CERT_FILE=/none.pem";
    let replaced = nobody.run_to_end(&[&net, &volume, other], &ask);
    assert_ends(&replaced, 78, "no certificates of authorities");
}

/// For the container's user, who is another.
fn readable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).unwrap();
}

#[test]
fn it_is_told_at_once_and_without_a_network() {
    let nobody = stage("trusts-nobody");
    let start = Instant::now();
    let refused = nobody.run_to_end(&["--network=none"], &[URL]);
    assert_ends(&refused, 78, "no certificates of authorities");
    // The engine's own work included.
    assert!(start.elapsed() < Duration::from_secs(20));
}
