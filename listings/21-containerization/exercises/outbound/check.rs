//! Does it call a server over https, and whom else does it trust? The server is a container of the check, with an
//! authority that no public list holds.

use std::path::Path;
use std::time::Duration;

use book_support::docker::output;
use book_support::eventually;
use book_support::exercise::docker::{Built, Ran, build, loader};
use book_support::exercise::{Check, Demand, first_error};

const BUILD: Demand = Demand {
    step: "build",
    must: "build from the folder of link-check",
    fix: "read the first error of the build",
};
const LINKED: Demand = Demand {
    step: "linked",
    must: "ask for no loader",
    fix: "build it for a target whose C library is linked statically",
};
const USER: Demand = Demand {
    step: "user",
    must: "not be root",
    fix: "name another user in the last stage",
};
const AUTHORITIES: Demand = Demand {
    step: "authorities",
    must: "be the public ones and the company's, in /etc/ssl/certs/ca-certificates.crt",
    fix: "put the company's behind those of the image that you build in",
};
const ANSWER: Demand = Demand {
    step: "answer",
    must: "be that the server says 200, with exit code 0",
    fix: "look at what the program says: it names what it lacks",
};

const MODULE: &str = "listings/21-containerization";
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Fewer authorities than this are no list of the public ones.
const FEWEST: usize = 50;
const TARGET: &str = "linking-target";

#[test]
fn check() {
    let check = Check::begin();
    let network = Network::new();
    let context = book_support::root().join(MODULE).join("link-check");
    let (_image, server) = server(&context, &network);
    let company = tempfile::tempdir().expect("a temporary folder");
    let authority = authority(&server);
    std::fs::write(company.path().join("authority.pem"), authority)
        .expect("the temporary folder can be written");

    let file = check.folder().join("Dockerfile");
    let argument =
        format!("--build-context=company={}", company.path().display());
    let image = match build(&file, &context, &[&argument]) {
        Ok(image) => image,
        Err(log) => {
            check.note("build log", &log);
            return check.need(&BUILD, first_error(&log), false);
        }
    };
    check.demand(&BUILD, "builds", true);
    look_at(&check, &image);

    let url = format!("--env=LINK_CHECK_URL=https://{TARGET}:8443/");
    let flags =
        [&network.flag(), &url, "--read-only", "--cap-drop=ALL"];
    // The program needs no port; this only waits for its end.
    let patience = Duration::from_secs(20);
    let ran = image.run(&flags, 8443, "/", patience);
    let logs = ran.logs();
    let last = logs.lines().next_back().unwrap_or_default().trim();
    let seen = match (ran.exit_code(), last) {
        (_, "") => ran.state(),
        (Some(code), last) => format!("{last}; exit code {code}"),
        (None, last) => format!("{last}; and it does not end"),
    };
    let right =
        ran.exit_code() == Some(0) && last.ends_with("says 200");
    check.demand(&ANSWER, seen, right);
    check.end();
}

/// What can be said of an image without running it.
fn look_at(check: &Check, image: &Built) {
    let words = image.inspect(
        "{{join .Config.Entrypoint \" \"}} {{join .Config.Cmd \" \"}}",
    );
    let name = words.split_whitespace().next().unwrap_or_default();
    let program = image.file(name).unwrap_or_default();
    let (seen, right) = match loader(&program) {
        Some(path) => (format!("asks for {path}"), false),
        None if program.is_empty() => {
            (format!("{name:?} was not found"), false)
        }
        None => ("statically".to_owned(), true),
    };
    check.demand(&LINKED, seen, right);

    let user = image.inspect("{{.Config.User}}");
    let name = user.split(':').next().unwrap_or_default();
    let root = matches!(name, "" | "0" | "root");
    check.demand(&USER, if root { "root" } else { &user }, !root);

    let bundle = image.file(BUNDLE).unwrap_or_default();
    let bundle = String::from_utf8_lossy(&bundle);
    let count = bundle.matches("-----BEGIN CERTIFICATE-----").count();
    check.demand(&AUTHORITIES, count, count > FEWEST);
}

/// The company's server, listening.
fn server(context: &Path, network: &Network) -> (Built, Ran) {
    let file = format!("{MODULE}/linking/certificates.Dockerfile");
    let file = book_support::root().join(file);
    let image = build(&file, context, &["--target=target"]);
    let image = image.unwrap_or_else(|log| panic!("{log}"));
    let alias = format!("--network-alias={TARGET}");
    let flags = [&network.flag(), alias.as_str()];
    let server = image.run(&flags, 8443, "/", Duration::ZERO);
    let budget = Duration::from_secs(20);
    eventually("the company's server listens", budget, || match server
        .logs()
    {
        logs if logs.contains("listening on") => Ok(()),
        logs => Err(format!("{}: {logs}", server.state())),
    });
    (image, server)
}

/// The first certificate that the server printed.
fn authority(server: &Ran) -> String {
    let end = "-----END CERTIFICATE-----\n";
    let logs = server.logs();
    let (certificate, _) =
        logs.split_once(end).expect("it prints its authority");
    format!("{certificate}{end}")
}

/// A network of this check alone; removed when dropped.
struct Network(String);

impl Network {
    fn new() -> Network {
        let name = format!("exercise-outbound-{}", std::process::id());
        let run = std::env::var("BOOK_RUN").unwrap_or_default();
        let label = format!("--label=book.test={run}");
        output(&["network", "create", &label, &name]);
        Network(name)
    }

    fn flag(&self) -> String {
        format!("--network={}", self.0)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // One that is in use still is the run's to remove.
        let _ = std::process::Command::new("docker")
            .args(["network", "rm", &self.0])
            .output();
    }
}
