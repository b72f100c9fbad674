//! The table: how a page with an image can lie, and what the verifier says to it.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::book::Edit::{Delete, Replace, Write};
use crate::book::{Case, Copy, Edit, Good, Story, case, expect, green, says, support, text};
use crate::engine::{Way, ask, docker, left, nothing_left};

const PAGE: &str = "src/page.md";
const DOCKERFILE: &str = "listings/good/image/Dockerfile";
const TESTS: &str = "listings/good/image/tests/image.rs";
const ALL: &[&str] = &["test", "--lane", "offline", "--lane", "docker"];

/// The good book of the docker lane.
pub fn files() -> Vec<(&'static str, String)> {
    vec![
        (
            "book.toml",
            "[book]\ntitle = \"Good\"\nlanguage = \"en\"\n\n[preprocessor.book]\nlistings = [\"listings\"]\n\
             unshown = [\"**/Cargo.toml\", \"**/*.rs\", \"**/context/**\"]\nconsole-budget = 20\ntest-budget = 120\n"
                .into(),
        ),
        (
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"listings/*/*\"]\n\n[profile.dev]\ndebug = \"line-tables-only\"\n"
                .into(),
        ),
        (".gitignore", "/target/\n/book/\n/src/mermaid.min.js\n".into()),
        ("src/SUMMARY.md", "# Summary\n\n- [Good](page.md)\n".into()),
        (
            "src/page.md",
            "# Good\n\
             \n\
             ```dockerfile,title=\"an image\"\n\
             {{#include ../listings/good/image/Dockerfile}}\n\
             ```\n\
             \n\
             It runs as user {{fact good/image/user}}.\n\
             \n\
             ```console\n\
             $ docker image inspect --format '{{.Os}}' debian:trixie-slim\n\
             linux\n\
             ```\n"
                .into(),
        ),
        (
            "listings/good/image/Cargo.toml",
            format!(
                "[package]\nname = \"image\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
                 [features]\ndocker = [\"book-support/docker\"]\n\n\
                 [dev-dependencies]\nbook-support = {{ path = \"{}\" }}\n\n\
                 [[test]]\nname = \"image\"\nrequired-features = [\"docker\"]\n",
                support()
            ),
        ),
        ("listings/good/image/src/lib.rs", "//! An image.\n".into()),
        (
            "listings/good/image/Dockerfile",
            "FROM debian:trixie-slim\nCOPY words.txt /words.txt\nUSER 1000\nCMD [\"tail\", \"-f\", \"/words.txt\"]\n".into(),
        ),
        ("listings/good/image/context/words.txt", "hello\n".into()),
        ("listings/good/image/captured/user.txt", "1000".into()),
        (
            "listings/good/image/tests/image.rs",
            r#"//! What the page says.

use book_support::docker::{Build, Image, output};

fn image() -> Image {
    let context = "listings/good/image/context";
    Build::of("listings/good/image/Dockerfile", context).run()
}

#[test]
fn runs_as_nobody_special() {
    let image = image();
    let container = image.container().start();
    let user = container.exec(&["id", "-u"]);
    let user = String::from_utf8_lossy(&user.stdout).trim().to_owned();
    assert_ne!(user, "0", "it runs as root");
    book_support::fact("listings/good/image/captured/user.txt", user);
}

#[test]
fn adds_little_to_its_base() {
    let format = "--format={{.Size}}";
    let base = output(&["image", "inspect", format, "debian:trixie-slim"]);
    let added = image().size() - base.parse::<u64>().unwrap();
    assert!(added < 100_000, "it adds {added} bytes");
}
"#
            .into(),
        ),
    ]
}

fn row(name: &'static str, edits: Vec<(&'static str, Edit)>, says: &'static [&'static str]) -> Case {
    Case {
        args: ALL,
        docker: true,
        ..case(name, edits, says)
    }
}

/// A test that starts a container and then does nothing for ever.
const WAITS: &str = r#"
#[test]
fn waits() {
    let image = image();
    let _container = image.container().start();
    loop {
        std::thread::park();
    }
}
"#;

/// A test that asks its container again and again. It stops with the first question that is not answered, or when a file
/// says that it is enough.
const ASKS: &str = r#"
#[test]
fn asks() {
    let image = image();
    let container = image.container().start();
    loop {
        let out = container.exec(&["cat", "/words.txt"]);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{said}");
        std::fs::write(std::env::var("ANSWERED").unwrap(), "").unwrap();
        if std::fs::exists(std::env::var("ENOUGH").unwrap()).unwrap() {
            break;
        }
    }
}
"#;

/// Every row that is one change and one command.
pub fn cases() -> Vec<Case> {
    vec![
        Case {
            code: 0,
            ..row(
                "the_good_docker_book_is_green",
                vec![],
                &["docker: 3 blocks — 3 verified", "0 findings"],
            )
        },
        row(
            "dockerfile_that_does_not_build",
            vec![(DOCKERFILE, Replace("words.txt /", "gone.txt /"))],
            &[
                "src/page.md:3: the test image::runs_as_nobody_special failed at listings/good/image/tests/image.rs:7",
                "src/page.md:3: the test image::adds_little_to_its_base failed at listings/good/image/tests/image.rs:7",
                "listings/good/image/Dockerfile does not build",
                "\"/gone.txt\": not found",
            ],
        ),
        row(
            "dockerfile_that_runs_as_root",
            vec![(DOCKERFILE, Replace("USER 1000\n", ""))],
            &[
                "src/page.md:3: the test image::runs_as_nobody_special failed at listings/good/image/tests/image.rs:16",
                "it runs as root",
            ],
        ),
        row(
            "image_over_its_claimed_size",
            vec![(
                DOCKERFILE,
                Replace("USER 1000", "RUN head -c 200000 /dev/zero >/big\nUSER 1000"),
            )],
            &[
                "src/page.md:3: the test image::adds_little_to_its_base failed at listings/good/image/tests/image.rs:25",
                "it adds 200",
            ],
        ),
        row(
            "measured_user_edited_by_hand",
            vec![("listings/good/image/captured/user.txt", Write("1001"))],
            &[
                "src/page.md:7: the test image::runs_as_nobody_special failed",
                "cargo book test --bless listings/good/image/captured/user.txt",
            ],
        ),
        row(
            "measured_user_that_is_gone",
            vec![("listings/good/image/captured/user.txt", Delete)],
            &[
                "src/page.md:7: no check has measured the fact `good/image/user`",
                "listings/good/image/captured/user.txt does not exist; it would hold:",
            ],
        ),
        row(
            "dockerfile_that_a_test_only_reads",
            vec![(
                TESTS,
                Write(
                    "#[test]\nfn is_there() {\n    book_support::listing(\"listings/good/image/Dockerfile\");\n    \
                     book_support::fact(\"listings/good/image/captured/user.txt\", 1000);\n}\n",
                ),
            )],
            &["src/page.md:3: no test that passed was seen to use listings/good/image/Dockerfile"],
        ),
        row(
            "test_that_panics_while_its_container_runs",
            vec![(
                TESTS,
                Replace(
                    "let user = container.exec",
                    "panic!(\"half-way\");\n    #[allow(unreachable_code)]\n    let user = container.exec",
                ),
            )],
            &[
                "src/page.md:3: the test image::runs_as_nobody_special failed at listings/good/image/tests/image.rs:14",
                "half-way",
            ],
        ),
        Case {
            code: 0,
            ..row(
                "a_query_that_prometheus_answers",
                with_query("up{job=\"itself\"}\n"),
                &["docker: 4 blocks — 4 verified", "0 findings"],
            )
        },
        row(
            "query_of_a_metric_that_does_not_exist",
            with_query("upp{job=\"itself\"}\n"),
            &[
                "src/page.md:14: the test image::the_query_is_answered failed at listings/good/image/tests/image.rs:",
                "listings/good/image/queries/up.promql is answered with something; the query:",
                "upp{job=\"itself\"}",
                "last seen: \"{",
                "result\\\":[]",
            ],
        ),
        row(
            "test_that_never_ends_while_its_container_runs",
            vec![
                ("book.toml", Replace("test-budget = 120", "test-budget = 8")),
                (TESTS, Edit::Append(WAITS)),
            ],
            &[
                "src/page.md:3: the tests listings/good/image/tests/image.rs did not finish in 8 s and were ended; without an end: waits",
                "docker:1: the run left the container ",
                "docker:1: the run left the image book-test/",
            ],
        ),
    ]
}

const QUERY: &str = "listings/good/image/queries/up.promql";

/// A page that shows a query, and a test that has a real Prometheus answer it.
fn with_query(query: &'static str) -> Vec<(&'static str, Edit)> {
    let block = "\n```promql\n{{#include ../listings/good/image/queries/up.promql}}\n```\n";
    let test = r#"
const WATCHES_ITSELF: &str = "\
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: itself
    static_configs: [{ targets: ['localhost:9090'] }]
";

#[test]
fn the_query_is_answered() {
    let prometheus = book_support::engines::prometheus(WATCHES_ITSELF);
    let samples = prometheus.query("listings/good/image/queries/up.promql");
    assert_eq!(samples.len(), 1);
}
"#;
    vec![
        (PAGE, Edit::Append(block)),
        (QUERY, Write(query)),
        (TESTS, Edit::Append(test)),
    ]
}

/// What takes more than one command.
pub fn stories() -> Vec<(&'static str, Story)> {
    vec![
        ("a_session_that_leaves_a_container_is_found", session),
        ("a_killed_run_s_container_is_removed_by_the_next_run", killed),
        ("a_run_that_is_told_to_end_takes_its_container_with_it", told_to_end),
        ("evidence_of_a_dockerfile_goes_stale_with_its_context", stale),
        ("an_image_whose_recipe_breaks_half_way", recipe),
        ("an_engine_that_dies_during_a_test", engine_dies),
        ("two_runs_at_once_from_two_clones", two_at_once),
    ]
}

fn session(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    let name = format!("left-by-{}", std::process::id());
    let line = format!("$ docker run --detach --name {name} debian:trixie-slim tail -f /dev/null > /dev/null\n");
    let page = std::fs::read_to_string(copy.path(PAGE)).map_err(|e| e.to_string())?;
    std::fs::write(
        copy.path(PAGE),
        page.replace("$ docker image", &format!("{line}$ docker image")),
    )
    .map_err(|e| e.to_string())?;
    let (id, output) = copy.run_known(&["test", "--lane", "docker", PAGE], &[]);
    let said = text(&output);
    let stays = ask(&["rm", &name]);
    expect(
        !stays.status.success(),
        &said,
        "what a session leaves stays on the engine",
    )?;
    expect(
        output.status.code() == Some(1),
        &said,
        "a container that stays is green",
    )?;
    says(&said, &format!("src/page.md:9: the session left the container {name} "))?;
    copy.nothing_left()?;
    nothing_left(id)?;

    // A container of that name that was there before is somebody's: it stays, and the session does not run.
    let made = ask(&["create", "--name", &name, "debian:trixie-slim", "true"]);
    let output = copy.run(&["test", "--lane", "docker", PAGE], &[]);
    let said = text(&output);
    let stays = ask(&["rm", &name]);
    expect(
        made.status.success() && stays.status.success(),
        &said,
        "somebody's container is gone",
    )?;
    expect(output.status.code() == Some(1), &said, "a name that is taken is green")?;
    says(
        &said,
        &format!("src/page.md:9: the session cannot run: there is a container `{name}` already"),
    )?;

    // A run that is killed in the middle of its session: the next one removes what the session had started.
    let page = std::fs::read_to_string(copy.path(PAGE)).map_err(|e| e.to_string())?;
    let clean = page.replace(
        "$ docker image",
        &format!("$ docker rm --force {name} > /dev/null\n$ docker image"),
    );
    let waits = page.replace("$ docker image", "$ tail -f /dev/null\n$ docker image");
    std::fs::write(copy.path(PAGE), waits).map_err(|e| e.to_string())?;
    let mut child = Running::start(copy.command(&["test", "--lane", "docker", PAGE], &[]), Stdio::null())?;
    let runs = || ask(&["inspect", "--format", "{{.State.Running}}", &name]).stdout == b"true\n";
    until("the session's container runs", runs)?;
    child.kill().map_err(|e| e.to_string())?;
    child.wait().map_err(|e| e.to_string())?;
    until("the session of the killed run ends", || copy.nothing_left().is_ok())?;
    expect(runs(), "", "nothing was left, so nothing can be proven")?;
    std::fs::write(copy.path(PAGE), clean).map_err(|e| e.to_string())?;
    let output = copy.run(&["test", "--lane", "docker", PAGE], &[]);
    let said = text(&output);
    ask(&["rm", "--force", &name]);
    says(&said, &format!("removed the container {name} "))?;
    expect(output.status.success(), &said, "the next run is not green")
}

fn killed(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    let tests = std::fs::read_to_string(copy.path(TESTS)).map_err(|e| e.to_string())?;
    // No other test's container is to be taken for the one that stays.
    let (imports, _) = tests.split_once("#[test]").ok_or("the good book has tests")?;
    std::fs::write(copy.path(TESTS), format!("{imports}{WAITS}")).map_err(|e| e.to_string())?;
    let mut child = Running::start(copy.command(ALL, &[]), Stdio::null())?;
    let id = child.id();
    let running = || left(id).iter().any(|line| !line.contains("book-test/"));
    until("a container runs", running)?;
    child.kill().map_err(|e| e.to_string())?;
    child.wait().map_err(|e| e.to_string())?;
    until("the tests of the killed run end", || copy.nothing_left().is_ok())?;
    expect(running(), "", "nothing was left, so nothing can be proven")?;
    std::fs::write(copy.path(TESTS), tests).map_err(|e| e.to_string())?;
    let (next, output) = copy.run_known(ALL, &[]);
    let said = text(&output);
    expect(output.status.success(), &said, "the next run is not green")?;
    says(&said, "removed the container ")?;
    says(&said, "removed the image book-test/")?;
    says(&said, "docker: 3 blocks — 3 verified")?;
    copy.nothing_left()?;
    nothing_left(id)?;
    nothing_left(next)
}

fn told_to_end(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    let tests = std::fs::read_to_string(copy.path(TESTS)).map_err(|e| e.to_string())?;
    let (imports, _) = tests.split_once("#[test]").ok_or("the good book has tests")?;
    std::fs::write(copy.path(TESTS), format!("{imports}{WAITS}")).map_err(|e| e.to_string())?;
    let mut child = Running::start(copy.command(ALL, &[]), Stdio::piped())?;
    let id = child.id();
    until("a container runs", || {
        left(id).iter().any(|line| !line.contains("book-test/"))
    })?;
    let told = Command::new("kill").arg(id.to_string()).status();
    expect(told.is_ok_and(|s| s.success()), "", "no signal")?;
    let mut said = String::new();
    let mut stderr = child.stderr.take().ok_or("it has no stderr")?;
    stderr.read_to_string(&mut said).map_err(|e| e.to_string())?;
    let status = child.wait().map_err(|e| e.to_string())?;
    expect(status.code() == Some(143), &said, "its exit code is not 143")?;
    says(&said, "removed the container ")?;
    says(&said, "ended; nothing is left running")?;
    expect(
        !said.contains("FAILED test:"),
        &said,
        "what was cut off is told as a failure",
    )?;
    copy.nothing_left()?;
    nothing_left(id)
}

/// A run that ends with its story, also when that fails.
struct Running(Child);

impl Running {
    fn start(mut command: Command, stderr: Stdio) -> Result<Running, String> {
        let child = command.stdout(Stdio::null()).stderr(stderr).spawn();
        Ok(Running(child.map_err(|e| e.to_string())?))
    }
}

impl std::ops::Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl std::ops::DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for a condition.
fn until(what: &str, holds: impl Fn() -> bool) -> Result<(), String> {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() > Duration::from_secs(600) {
            return Err(format!("not within ten minutes: {what}"));
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Ok(())
}

fn stale(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    green(&copy, ALL)?;
    copy.edit("listings/good/image/context/words.txt", &Edit::Append("more\n"));
    let said = green(&copy, &["status"])?;
    says(
        &said,
        "stale     src/page.md:3 dockerfile listings/good/image/Dockerfile — listings/good/image/context/words.txt has changed",
    )?;
    says(
        &said,
        "stale     src/page.md:7 fact listings/good/image/captured/user.txt — ",
    )
}

/// An image of the engine that is removed when this is dropped.
struct Named(String);

impl Drop for Named {
    fn drop(&mut self) {
        ask(&["image", "rm", "--force", &self.0]);
    }
}

fn recipe(good: &Good) -> Result<(), String> {
    const STEPS: &str = "FROM debian:trixie-slim\nRUN echo 1.2.3 >/version\nRUN echo second step && cat /version\n";
    let copy = good.copy();
    let write = |path: &str, text: &str| {
        let path = copy.path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    // Nothing listens on this registry's port: nobody can pull it.
    let mine = format!("broken-docker-books-{}", std::process::id());
    let named = Named(format!("localhost:1/{mine}:1"));
    let name = &named.0;
    write(
        "docker/images.toml",
        &format!(
            "[[image]]\nname = \"debian:trixie-slim\"\nversion = \"13.\"\ntitle = \"Debian\"\n\
             smoke-file = \"/etc/debian_version\"\n\n[[image]]\nname = \"{name}\"\nversion = \"1.2.\"\n\
             title = \"Tiny\"\nrecipe = \"tiny\"\nbuilt-from = \"two steps\"\nsmoke-file = \"/version\"\n"
        ),
    );
    let dockerfile = "docker/tiny/Dockerfile";
    let half_way = STEPS.replace("cat /version", "cat /no-such-file");
    let set_up = || copy.run(&["setup", "--lane", "docker", "--yes"], &[]);
    // Of this image, by its name and by the one under which it is built; and containers of either.
    let on_the_engine = || {
        let images = docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
        let containers = docker(&["ps", "--all", "--format", "{{.Image}} {{.Names}}"]);
        let lines = images.lines().chain(containers.lines());
        lines
            .filter(|line| line.contains(&mine))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let refuses = || {
        let output = set_up();
        let said = text(&output);
        expect(
            output.status.code() == Some(2),
            &said,
            "a recipe that breaks is no failure",
        )?;
        says(&said, &format!("[1/1] image {name} ("))?;
        says(&said, "second step")?;
        says(&said, "cat: /no-such-file: No such file or directory")?;
        says(
            &said,
            "fix: mend docker/tiny, or give this machine the network that it needs",
        )?;
        let log = said.lines().find_map(|line| line.trim().strip_prefix("all of it: "));
        let log = std::fs::read_to_string(log.unwrap_or_default()).unwrap_or_default();
        expect(
            log.contains("/no-such-file"),
            &said,
            "it names no file with all of what the build said",
        )?;
        copy.nothing_left()
    };

    write(dockerfile, &half_way);
    refuses()?;
    expect(on_the_engine().is_empty(), "", "something half-made is on the engine")?;
    let output = copy.run(ALL, &[]);
    let said = text(&output);
    expect(!output.status.success(), &said, "a lane without its image is green")?;
    says(
        &said,
        &format!("no image {name}: this engine does not have it; cargo book setup --lane docker"),
    )?;

    write(dockerfile, STEPS);
    let output = set_up();
    let said = text(&output);
    expect(output.status.success(), &said, "a recipe that is mended does not build")?;
    expect(
        on_the_engine() == [name.clone()],
        &said,
        "there is more on the engine than the image",
    )?;
    says(
        &docker(&["image", "inspect", name]),
        "Tiny 1.2.3, built from two steps, standing in for",
    )?;
    green(&copy, ALL)?;

    // The image that was good keeps the name while its new recipe gives none.
    let id = || docker(&["image", "inspect", "--format", "{{.Id}}", name]);
    let good_one = id();
    write(dockerfile, &half_way);
    refuses()?;
    expect(id() == good_one, "", "what is half-made has the name of what was good")?;
    expect(
        on_the_engine() == [name.clone()],
        "",
        "something half-made is on the engine",
    )
}

/// Runs a copy whose test asks, through this engine if not the machine's; comes back when it was answered once.
fn begin_to_ask(copy: &Copy, engine: &[(&str, &str)]) -> Result<Child, String> {
    copy.edit(TESTS, &Edit::Append(ASKS));
    // As images of engines do, it asks for a volume, which then bears no label.
    copy.edit(DOCKERFILE, &Edit::Replace("USER 1000", "VOLUME /data\nUSER 1000"));
    let [answered, enough] = ["answered", "enough"].map(|name| copy.path(".git").join(name));
    let (told, tells) = (answered.display().to_string(), enough.display().to_string());
    let env = [engine, &[("ANSWERED", &*told), ("ENOUGH", &*tells)]].concat();
    let child = copy
        .command(ALL, &env)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    until("the container answers", || answered.exists())?;
    Ok(child)
}

fn engine_dies(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    let tests = std::fs::read_to_string(copy.path(TESTS)).map_err(|e| e.to_string())?;
    let mut way = Way::to_the_engine();
    let child = begin_to_ask(&copy, &[("DOCKER_HOST", &way.host())])?;
    let id = child.id();
    way.cut();
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let said = text(&output);
    copy.nothing_left().map_err(|left| format!("{left}:\n{said}"))?;
    expect(
        output.status.code() == Some(1),
        &said,
        "a run whose engine died is green",
    )?;
    says(
        &said,
        "src/page.md:3: the test image::asks failed at listings/good/image/tests/image.rs:",
    )?;
    says(&said, "docker:1: the Docker engine answers no more")?;
    expect(
        !left(id).is_empty(),
        &said,
        "nothing was left, so nothing can be proven",
    )?;

    std::fs::write(copy.path(TESTS), tests).map_err(|e| e.to_string())?;
    let (next, output) = copy.run_known(ALL, &[]);
    let said = text(&output);
    expect(output.status.success(), &said, "the next run is not green")?;
    says(&said, "removed the container ")?;
    says(&said, "removed the image book-test/")?;
    says(&said, "docker: 3 blocks — 3 verified")?;
    copy.nothing_left()?;
    nothing_left(id)?;
    nothing_left(next)
}

fn two_at_once(good: &Good) -> Result<(), String> {
    // The second has a target folder of its own, as a second clone has.
    let copies = [good.copy(), good.copy_apart()];
    let mut running = Vec::new();
    for copy in &copies {
        running.push((copy, begin_to_ask(copy, &[])?));
    }
    // The first ends while the second is in the middle of its test.
    for (copy, child) in running {
        let id = child.id();
        expect(!left(id).is_empty(), "", "a run's container is gone before its end")?;
        std::fs::write(copy.path(".git/enough"), "").map_err(|e| e.to_string())?;
        let output = child.wait_with_output().map_err(|e| e.to_string())?;
        let said = text(&output);
        expect(output.status.success(), &said, "a run beside another is not green")?;
        says(&said, "docker: 3 blocks — 3 verified")?;
        expect(!said.contains("removed the "), &said, "it removed what is another's")?;
        nothing_left(id)?;
        copy.nothing_left()?;
    }
    Ok(())
}
