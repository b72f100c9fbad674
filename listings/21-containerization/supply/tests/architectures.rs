//! One image for two processors: what is in each half, what the engine
//! says of it, and what a registry hands out.

mod common;

use std::process::{Command, Output};
use std::time::Duration;

use book_support::docker::{Image, human_size, output};
use book_support::engines::{self, REGISTRY};
use book_support::{Tolerance, captured, fact_within};
use common::{alone, build, file};
use supply::elf::machine;

fn for_platform(platform: &str, target: Option<&str>) -> Image {
    let platform = format!("--platform={platform}");
    let build = build("architectures.Dockerfile").arg(&platform);
    let target = target.map(|name| format!("--target={name}"));
    target.iter().fold(build, |build, arg| build.arg(arg)).run()
}

const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

#[test]
fn each_image_holds_a_program_for_the_processor_that_it_names() {
    let mut table = "image        program".to_owned();
    for platform in PLATFORMS {
        let image = for_platform(platform, None);
        let named = image.inspect("{{.Os}}/{{.Architecture}}");
        assert_eq!(named, platform);
        let held = machine(&image.file("/links-api"));
        table += &format!("\n{named}  {}", held.expect("a program"));
        let name = platform.replace('/', "-");
        fact_within(
            &file(&format!("size-{name}")),
            human_size(image.size()),
            Tolerance::Percent(15.0),
        );
    }
    captured(&file("architectures"), &table);
}

/// On a machine whose kernel knows an emulator, it would run.
#[test]
fn the_wrong_one_is_refused_by_the_kernel() {
    let foreign = match std::env::consts::ARCH {
        "x86_64" => "linux/arm64",
        _ => "linux/amd64",
    };
    let ran = for_platform(foreign, None).run_to_end(&[], &["--help"]);
    let message = "exec /links-api: exec format error";
    assert!(said(&ran).contains(message), "{ran:?}");
    assert_eq!(ran.status.code(), Some(1));
}

#[test]
fn an_emulated_program_serves_and_stops() {
    let image = for_platform("linux/arm64", Some("emulated"));
    let program = image.file("/links-api");
    assert_eq!(machine(&program), Some("AArch64"));
    let container =
        image.container().locked_down().http(8080, "/readyz").start();
    let link = r#"{"target":"https://www.rust-lang.org"}"#;
    let made = container.send("POST", "/links", link).unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    let (_, code) = container.stop(Duration::from_secs(10));
    assert_eq!(code, 0, "{}", container.logs());
}

#[test]
fn a_registry_hands_out_the_half_that_is_asked_for() {
    let registry = engines::registry();
    let name = format!("{}/links-api", registry.address(REGISTRY));
    let whole = format!("{name}:1");
    let _pulled = Pulled(whole.clone());
    let halves = PLATFORMS.map(|platform| {
        let image = for_platform(platform, None);
        let half = format!("{whole}-{}", platform.replace('/', "-"));
        output(&["tag", image.tag(), &half]);
        output(&["push", "--quiet", &half]);
        Pulled(half)
    });
    let words = ["buildx", "imagetools", "create", "--tag", &whole];
    output(&[&words[..], &[&halves[0].0, &halves[1].0]].concat());

    let list = "{{range .Manifest.Manifests}}{{.Platform.OS}}/{{.Platform.Architecture}} {{end}}";
    let words = ["buildx", "imagetools", "inspect", "--format", list];
    let listed = output(&[&words[..], &[&whole]].concat());
    assert_eq!(listed.trim(), PLATFORMS.join(" "));

    for platform in PLATFORMS {
        output(&["pull", "--quiet", "--platform", platform, &whole]);
        let format = "{{.Os}}/{{.Architecture}}";
        let got =
            output(&["image", "inspect", "--format", format, &whole]);
        assert_eq!(got, platform);
    }
    let third = docker(&["pull", "--platform", "linux/s390x", &whole]);
    let refusal = "no matching manifest for linux/s390x";
    assert!(said(&third).contains(refusal), "{third:?}");
}

#[test]
fn the_linker_of_this_machine_is_no_linker_for_the_other() {
    let log = alone("linker.Dockerfile").fails();
    assert!(log.contains("file in wrong format"), "{log}");
    let image = alone("greeting.Dockerfile").run();
    let program = image.file(
        "/greeting/target/aarch64-unknown-linux-musl/debug/greeting",
    );
    assert_eq!(machine(&program), Some("AArch64"));
}

/// A name on this engine, which is taken away when dropped.
struct Pulled(String);

impl Drop for Pulled {
    fn drop(&mut self) {
        docker(&["image", "rm", "--force", &self.0]);
    }
}

fn docker(args: &[&str]) -> Output {
    Command::new("docker").args(args).output().expect("docker")
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}
