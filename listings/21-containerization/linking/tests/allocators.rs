//! What an allocator costs: one program, built three times, side by side on one machine.
//!
//! Machines differ, and one machine differs from minute to minute. So each round measures all three programs, one after
//! the other, a program is compared with glibc's of its round, and what counts is the time of processors: work that
//! others do in the meantime is not in it.

use std::time::Duration;

use book_support::docker::{Build, Container, Image};
use book_support::{Matcher, captured, captured_matching};
use linking::{file, image, load, median, said};

const PROGRAMS: [&str; 3] = ["gnu", "musl", "mimalloc"];
const ROUNDS: usize = 5;

fn stage(target: &str) -> Image {
    image("allocators", "overview", target)
}

/// A number of each program, for each round.
type Rounds = [Vec<f64>; 3];

fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace().map_while(|n| n.parse().ok()).collect()
}

/// Seconds of processors for 16,000 overviews, and kilobytes.
fn alone(image: &Image, threads: &str) -> [Rounds; 2] {
    let mut measured = [Rounds::default(), Rounds::default()];
    for _ in 0..ROUNDS {
        for (i, program) in PROGRAMS.iter().enumerate() {
            let program = format!("/{program}");
            let words = [program.as_str(), threads, "16000"];
            let text = said(&image.run_to_end(&[], &words));
            let [_, work, peak] = numbers(&text)[..] else {
                panic!("{program}: {text}")
            };
            measured[0][i].push(work);
            measured[1][i].push(peak);
        }
    }
    measured
}

/// What a server has used so far.
fn used(server: &Container) -> [f64; 2] {
    let answer = server.get("/used").expect("it answers");
    let [work, peak] = numbers(&answer.body)[..] else {
        panic!("{answer:?}")
    };
    [work, peak]
}

/// Seconds of processors for a thousand requests, requests per second,
/// and kilobytes.
fn served() -> [Rounds; 3] {
    const CONNECTIONS: usize = 8;
    const TIME: Duration = Duration::from_secs(2);
    let images = PROGRAMS.map(|p| stage(&format!("{p}-server")));
    let start =
        |image: &Image| image.container().http(8080, "/used").start();
    let servers = images.each_ref().map(start);
    let mut measured = [(); 3].map(|()| Rounds::default());
    for _ in 0..ROUNDS {
        for (i, server) in servers.iter().enumerate() {
            let [before, _] = used(server);
            let load = load::run(
                server.address(),
                "/overview",
                CONNECTIONS,
                TIME,
            );
            let load = load.expect("every request is answered");
            let [after, peak] = used(server);
            let work = (after - before) / load.answered * 1000.0;
            measured[0][i].push(work);
            measured[1][i]
                .push(load.answered / load.took.as_secs_f64());
            measured[2][i].push(peak);
        }
    }
    measured
}

/// Each program's number against glibc's of the same round: the middle
/// one, the lowest and the highest.
fn ratios(rounds: &Rounds) -> [[f64; 3]; 3] {
    [0, 1, 2].map(|i| {
        let pairs = rounds[i].iter().zip(&rounds[0]);
        let ratios: Vec<f64> = pairs.map(|(a, b)| a / b).collect();
        let lowest = ratios.iter().copied().fold(f64::MAX, f64::min);
        let highest = ratios.iter().copied().fold(0.0, f64::max);
        [median(&ratios), lowest, highest]
    })
}

/// Without columns: a number of another width must not move the next.
fn row(name: &str, cells: [String; 3]) -> String {
    let [glibc, musl, mimalloc] = cells;
    format!(
        "{name}\n  glibc {glibc}\n  musl {musl}\n  musl with mimalloc {mimalloc}"
    )
}

fn relative(name: &str, rounds: &Rounds) -> String {
    let [_, musl, mimalloc] =
        ratios(rounds).map(|[middle, low, high]| {
            format!("{middle:.2} ({low:.2} to {high:.2})")
        });
    row(name, ["1.00".to_owned(), musl, mimalloc])
}

fn figures(name: &str, rounds: &Rounds, unit: f64) -> String {
    let cells = rounds.each_ref().map(|all| median(all) / unit);
    row(name, cells.map(|cell| format!("{cell:.2}")))
}

#[test]
fn musl_pays_with_time_and_mimalloc_with_memory() {
    let image = stage("programs");
    let [one, one_peak] = alone(&image, "1");
    let [many, many_peak] = alone(&image, "16");
    let [http, per_second, http_peak] = served();

    let rows = [
        relative("one thread", &one),
        relative("16 threads", &many),
        relative("over HTTP", &http),
    ];
    let rows = rows.join("\n");
    captured_matching(&file("allocators"), &rows, &[Matcher::Decimal]);
    let rows = [
        figures("thousand requests/s", &per_second, 1000.0),
        figures("MiB, one thread", &one_peak, 1024.0),
        figures("MiB, 16 threads", &many_peak, 1024.0),
        figures("MiB, over HTTP", &http_peak, 1024.0),
    ];
    let rows = rows.join("\n");
    captured_matching(&file("figures"), &rows, &[Matcher::Decimal]);

    // What the page says in words, with room for other machines.
    for (what, rounds, least) in
        [("alone", &one, 1.5), ("16", &many, 1.5), ("HTTP", &http, 1.1)]
    {
        let [_, [musl, ..], [mimalloc, ..]] = ratios(rounds);
        assert!(musl > least, "{what}: {musl:.2} times glibc's");
        assert!(mimalloc < musl, "{what}: {mimalloc:.2}, {musl:.2}");
    }
    for peak in [&one_peak, &many_peak, &http_peak] {
        let [_, musl, mimalloc] = peak.each_ref().map(|p| median(p));
        assert!(mimalloc > 1.5 * musl, "{mimalloc} kB, {musl} kB");
    }
}

#[test]
fn mimalloc_is_c_and_asks_for_a_compiler_of_its_target() {
    let module = "listings/21-containerization";
    let dockerfile = format!("{module}/linking/allocators.Dockerfile");
    let build = Build::of(&dockerfile, &format!("{module}/overview"));
    let log = build.arg("--target=no-compiler").fails();
    let line = log.lines().find_map(|l| l.split_once("failed to find"));
    let (_, tool) = line.unwrap_or_else(|| panic!("{log}"));
    captured(&file("no-compiler"), &format!("failed to find{tool}"));
}
