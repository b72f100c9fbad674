//! Plans for machines that are made up.

use std::path::PathBuf;

use super::*;
use crate::browser::Browser;
use crate::images::Smoke;
use crate::observe::Present;
use crate::tools::Rustc;

const BOTH: [Lane; 2] = [Lane::Offline, Lane::Docker];

fn image(name: &str, hash: Option<&str>) -> Image {
    let recipe = hash.map(|hash| Recipe {
        folder: PathBuf::from("/book/docker/debian"),
        built_from: "Debian packages".into(),
        args: Default::default(),
        packages: Vec::new(),
        bases: Vec::new(),
        hash: hash.into(),
    });
    Image {
        name: name.into(),
        version: "13.".into(),
        title: "Debian".into(),
        recipe,
        smoke: Smoke::File("/v".into()),
        optional: false,
        lane: Lane::Docker,
        cost: None,
        line: 1,
    }
}

/// A machine with Rust, a compiler and git, and nothing else.
fn with_rust() -> Observed {
    Observed {
        rustc: Some(Rustc {
            release: "1.95.0".into(),
            host: "h".into(),
            llvm: "22".into(),
        }),
        cargo: Some("cargo 1.95.0 (abc)".into()),
        cc: Some("cc 12".into()),
        git: Some("git version 2.39".into()),
        ..Observed::default()
    }
}

fn bare_debian() -> Observed {
    Observed {
        debian: Some("bookworm".into()),
        root: true,
        ..with_rust()
    }
}

fn all_ready(images: &[(&str, Option<&str>)]) -> Observed {
    Observed {
        llvm: Some(["/t/llvm-profdata".into(), "/t/llvm-cov".into()]),
        client: Some("Docker version 28".into()),
        engine: Engine::Answers { version: "28.0".into() },
        buildx: Some("0.29".into()),
        compose: Some("2.40".into()),
        images: images
            .iter()
            .map(|(name, recipe)| {
                let recipe = recipe.map(str::to_owned);
                (
                    (*name).to_owned(),
                    Present {
                        id: "sha256:1".into(),
                        recipe,
                        truth: "Debian 13.2".into(),
                    },
                )
            })
            .collect(),
        ..with_rust()
    }
}

fn actions(seen: &Observed, images: &[Image]) -> Vec<Action> {
    steps(seen, images, &BOTH)
        .expect("a plan")
        .into_iter()
        .map(|s| s.action)
        .collect()
}

#[test]
fn a_machine_where_all_is_ready_is_left_as_it_is() {
    let images = [image("debian:13", Some("k1"))];
    for recipe in [None, Some("k1")] {
        let seen = all_ready(&[("debian:13", recipe)]);
        assert_eq!(actions(&seen, &images), []);
        assert!(needs(&seen, &images, &BOTH).iter().all(Need::is_ready));
    }
}

#[test]
fn a_bare_debian_gets_an_engine_from_the_newer_release_and_then_the_images() {
    let plan = actions(&bare_debian(), &[image("debian:13", Some("k1"))]);
    assert_eq!(
        plan,
        [
            Action::LlvmTools {
                rustup: false,
                package: Some("llvm-22".into())
            },
            Action::Packages {
                names: ENGINE
                    .iter()
                    .chain(["ca-certificates"].iter())
                    .map(|s| (*s).to_owned())
                    .collect(),
                newer_suite: Some("trixie".into()),
            },
            Action::StartEngine { systemd: false },
            Action::Image {
                name: "debian:13".into()
            },
        ]
    );
}

#[test]
fn certificates_that_are_there_are_not_touched() {
    let packages = |seen: &Observed| match &actions(seen, &[])[1] {
        Action::Packages { names, .. } => names.join(" "),
        other => panic!("{other:?}"),
    };
    assert!(packages(&bare_debian()).ends_with(" ca-certificates"));
    assert_eq!(
        packages(&Observed {
            bundle: true,
            ..bare_debian()
        }),
        ENGINE.join(" ")
    );
}

#[test]
fn a_newer_debian_takes_its_own_engine() {
    let seen = Observed {
        debian: Some("trixie".into()),
        ..bare_debian()
    };
    let plan = actions(&seen, &[]);
    assert!(
        matches!(&plan[1], Action::Packages { newer_suite: None, .. }),
        "{plan:?}"
    );
}

#[test]
fn an_engine_that_is_installed_is_only_started() {
    let seen = Observed {
        engine: Engine::Silent {
            why: "Cannot connect".into(),
            elsewhere: None,
        },
        dockerd: true,
        debian: Some("bookworm".into()),
        root: true,
        ..all_ready(&[])
    };
    assert_eq!(actions(&seen, &[]), [Action::StartEngine { systemd: false }]);
    let seen = Observed {
        systemd_unit: true,
        ..seen
    };
    assert_eq!(actions(&seen, &[]), [Action::StartEngine { systemd: true }]);
}

#[test]
fn a_client_without_plug_ins_gets_them_and_no_second_engine() {
    let seen = Observed {
        buildx: None,
        compose: None,
        debian: Some("bookworm".into()),
        root: true,
        ..all_ready(&[])
    };
    let plan = actions(&seen, &[]);
    let [
        Action::Packages {
            names,
            newer_suite: Some(_),
        },
    ] = &plan[..]
    else {
        panic!("{plan:?}")
    };
    assert_eq!(names, &["docker-buildx", "docker-compose"]);
}

#[test]
fn only_what_was_built_here_from_another_recipe_is_built_again() {
    let images = [image("debian:13", Some("k2")), image("rust:1", Some("k3"))];
    let seen = all_ready(&[("debian:13", Some("k1")), ("rust:1", None)]);
    let plan = steps(&seen, &images, &BOTH).expect("a plan");
    assert_eq!(plan.len(), 1);
    assert_eq!(plan[0].title, "image debian:13 (rebuilding it, its recipe has changed)");
}

#[test]
fn the_plan_says_how_an_image_will_come() {
    let plan = steps(
        &all_ready(&[]),
        &[image("debian:13", Some("k")), image("nats:2", None)],
        &BOTH,
    )
    .expect("a plan");
    let titles: Vec<&str> = plan.iter().map(|s| s.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "image debian:13 (pulling it, else building docker/debian)",
            "image nats:2 (pulling it)"
        ]
    );
}

#[test]
fn what_cannot_be_brought_here_is_said_with_its_cure() {
    let no_engine = |why: &str| Engine::Silent {
        why: why.into(),
        elsewhere: None,
    };
    let cases = [
        // A Mac, or another Linux.
        (
            Observed {
                llvm: all_ready(&[]).llvm,
                ..with_rust()
            },
            "docker engine",
            "install Docker (https://docs",
        ),
        // An engine without a client, where packages are not Debian's.
        (
            Observed {
                root: true,
                dockerd: true,
                llvm: all_ready(&[]).llvm,
                ..with_rust()
            },
            "docker engine",
            "install Docker (https://docs",
        ),
        // Docker Desktop that is not running.
        (
            Observed {
                engine: no_engine("Cannot connect"),
                ..all_ready(&[])
            },
            "docker engine",
            "start Docker",
        ),
        // Debian, but not root.
        (
            Observed {
                root: false,
                llvm: all_ready(&[]).llvm,
                ..bare_debian()
            },
            "docker engine",
            "as root",
        ),
        (
            Observed {
                engine: no_engine("permission denied while trying to connect"),
                dockerd: true,
                ..all_ready(&[])
            },
            "docker engine",
            "usermod -aG docker",
        ),
        (
            Observed {
                engine: Engine::Silent {
                    why: "timed out".into(),
                    elsewhere: Some("tcp://10.0.0.1".into()),
                },
                debian: Some("bookworm".into()),
                root: true,
                ..all_ready(&[])
            },
            "docker engine",
            "the engine at tcp://10.0.0.1",
        ),
        (
            Observed {
                rustc: None,
                ..bare_debian()
            },
            "rustc",
            "https://rustup.rs",
        ),
        (
            Observed {
                cc: None,
                ..all_ready(&[])
            },
            "C compiler",
            "install gcc",
        ),
        (
            Observed {
                buildx: None,
                ..all_ready(&[])
            },
            "buildx",
            "plug-in buildx",
        ),
        (
            Observed {
                llvm: None,
                ..all_ready(&[])
            },
            "LLVM coverage tools",
            "rustup component add llvm-tools",
        ),
    ];
    for (seen, name, fix) in cases {
        let error = steps(&seen, &[], &BOTH).expect_err(name);
        assert_eq!(error.name, name);
        assert!(error.fix.contains(fix), "{error}");
        assert!(error.to_string().contains("\n  fix: "));
        // No image comes where no engine can be brought: it has the engine's cure.
        if name == "docker engine" {
            let images = [image("a:1", None)];
            let needs = needs(&seen, &images, &[Lane::Docker]);
            let image = needs.iter().find(|n| n.name == "image a:1").expect("a need");
            assert!(
                matches!(&image.state, State::Missing { fix, .. } if *fix == error.fix),
                "{image:?}"
            );
        }
    }
}

#[test]
fn a_lane_that_was_not_asked_for_is_not_looked_at() {
    let seen = Observed {
        rustup: true,
        ..with_rust()
    };
    let plan = steps(&seen, &[image("a:1", None)], &[Lane::Offline]).expect("a plan");
    assert_eq!(
        plan.iter().map(|s| &s.action).collect::<Vec<_>>(),
        [&Action::LlvmTools {
            rustup: true,
            package: None
        }]
    );
    let all = needs(&seen, &[], &[Lane::Offline]);
    assert!(all.iter().all(|n| n.lane == Lane::Offline) && all.len() == 5);
}

fn node(hash: &str) -> Image {
    let mut node = image(cluster::IMAGE, Some(hash));
    node.lane = Lane::Kind;
    if let Some(recipe) = &mut node.recipe {
        recipe.bases = vec!["debian:13".into()];
    }
    node
}

/// An engine with the node's image, kind, kubectl and a cluster that lives.
fn kind_ready() -> Observed {
    Observed {
        kind: Some("0.33.0".into()),
        kubectl: Some("v1.36.4".into()),
        cluster: Cluster::Alive {
            version: "v1.36.3".into(),
        },
        ..all_ready(&[(cluster::IMAGE, Some("k"))])
    }
}

fn kind_titles(seen: &Observed) -> Vec<String> {
    let images = [image("debian:13", Some("d")), image("other:1", None), node("k")];
    let steps = steps(seen, &images, &[Lane::Kind]).expect("a plan");
    steps.into_iter().map(|step| step.title).collect()
}

#[test]
fn a_cluster_that_lives_is_left_as_it_is() {
    assert_eq!(kind_titles(&kind_ready()), [] as [&str; 0]);
}

#[test]
fn only_who_asks_for_the_kind_lane_gets_its_image() {
    let images = [image("debian:13", None), node("k")];
    let seen = all_ready(&[("debian:13", None)]);
    assert_eq!(steps(&seen, &images, &BOTH), Ok(Vec::new()));
}

#[test]
fn a_cluster_needs_its_node_what_that_is_built_from_and_no_other_image() {
    let mut seen = kind_ready();
    seen.images.clear();
    seen.cluster = Cluster::Absent;
    assert_eq!(
        kind_titles(&seen),
        [
            "image debian:13 (pulling it, else building docker/debian)",
            "image kindest/node:v1.36.3 (pulling it, else building docker/debian)",
            "cluster cloud-native-rust (making it)",
        ]
    );
}

#[test]
fn an_image_for_pods_is_brought_to_the_clusters_nodes() {
    let mut pods = image("metrics:1", Some("m"));
    pods.lane = Lane::Kind;
    let images = [node("k"), pods];
    let titles = |seen: &Observed, lanes: &[Lane]| -> Vec<String> {
        let steps = steps(seen, &images, lanes).expect("a plan");
        steps.into_iter().map(|step| step.title).collect()
    };
    let build = "image metrics:1 (pulling it, else building docker/debian)";
    let bring = "bringing metrics:1 to the cluster's nodes";
    let mut seen = kind_ready();
    assert_eq!(titles(&seen, &[Lane::Kind]), [build, bring]);
    let engine = all_ready(&[(cluster::IMAGE, Some("k")), ("metrics:1", Some("m"))]);
    seen.images = engine.images;
    assert_eq!(titles(&seen, &[Lane::Kind]), [bring]);
    seen.loaded.insert("metrics:1".into());
    assert_eq!(titles(&seen, &[Lane::Kind]), [] as [&str; 0]);
    // A new cluster has it not, whatever the old one had.
    seen.cluster = Cluster::Absent;
    let make = format!("{CLUSTER} (making it)");
    assert_eq!(titles(&seen, &[Lane::Kind]), [make.as_str(), bring]);
    assert_eq!(titles(&seen, &[]), [] as [&str; 0]);
}

#[test]
fn a_cluster_that_does_not_live_is_healed() {
    for (cluster, how) in [
        (Cluster::Absent, "making it"),
        (
            Cluster::Silent { why: "w".into() },
            "waiting for it, else making it anew",
        ),
        (Cluster::Dead { why: "w".into() }, "making it anew"),
    ] {
        let seen = Observed {
            cluster,
            ..kind_ready()
        };
        assert_eq!(kind_titles(&seen), [format!("{CLUSTER} ({how})")]);
        assert_eq!(
            needs(&seen, &[], &[Lane::Kind])
                .iter()
                .filter(|n| !n.is_ready())
                .count(),
            1
        );
    }
}

#[test]
fn a_cluster_of_an_older_node_is_made_anew() {
    let seen = Observed {
        images: all_ready(&[("debian:13", Some("d")), (cluster::IMAGE, Some("yesterday"))]).images,
        ..kind_ready()
    };
    assert_eq!(
        kind_titles(&seen),
        [
            "image kindest/node:v1.36.3 (rebuilding it, its recipe has changed)",
            "cluster cloud-native-rust (making it anew)",
        ]
    );
}

#[test]
fn kind_comes_from_debian_where_it_can_and_else_the_reader_is_told_where_it_is() {
    let mut seen = Observed {
        kind: Some("0.27.0".into()),
        kubectl: None,
        ..kind_ready()
    };
    let error = steps(&seen, &[], &[Lane::Kind])
        .expect_err("no way to install")
        .to_string();
    assert!(
        error.starts_with("kind: 0.27.0 is too old") && error.contains("fix: install kind (https://"),
        "{error}"
    );
    (seen.debian, seen.root) = (Some("trixie".into()), true);
    let install = Action::Packages {
        names: vec!["kind".into(), "kubectl".into()],
        newer_suite: Some("sid".into()),
    };
    let steps = steps(&seen, &[], &[Lane::Kind]).expect("a plan");
    assert_eq!(steps.iter().map(|s| &s.action).collect::<Vec<_>>(), [&install]);
}

#[test]
fn the_need_of_a_cluster_bears_its_name() {
    assert_eq!(CLUSTER, format!("cluster {}", cluster::NAME));
}

#[test]
fn versions_are_compared_as_numbers() {
    for (version, enough) in [
        ("0.33.0", true),
        ("0.34.0-alpha+x", true),
        ("1.0", true),
        ("0.4.9", false),
        ("v", false),
    ] {
        assert_eq!(at_least(version, OLDEST_KIND), enough, "{version}");
    }
}

#[test]
fn a_plan_says_what_each_lane_costs_where_nothing_can_be_pulled() {
    let priced = |mut image: Image, seconds, megabytes| {
        image.cost = Some(Cost { seconds, megabytes });
        image
    };
    let images = [
        priced(image("debian:13", Some("d")), 35, 79),
        priced(image("rust:1", Some("r")), 200, 996),
        priced(image("pulled:1", None), 5, 5),
        priced(node("k"), 800, 832),
    ];
    let seen = Observed {
        images: Default::default(),
        ..kind_ready()
    };
    let all = [Lane::Offline, Lane::Docker, Lane::Kind];
    let seen = Observed {
        llvm: all_ready(&[]).llvm,
        ..seen
    };
    let steps = steps(&seen, &images, &all).expect("a plan");
    let titles: Vec<&str> = steps.iter().map(|step| step.title.as_str()).collect();
    assert_eq!(
        titles[..3],
        [
            "image debian:13 (pulling it, else building docker/debian: about 35 s, 79 MB)",
            "image rust:1 (pulling it, else building docker/debian: about 4 min, 996 MB)",
            "image pulled:1 (pulling it)",
        ]
    );
    assert_eq!(
        costs(&steps),
        [
            "docker lane: about 4 min, 1.0 GB, and 1 more of its images where nothing can be pulled",
            "kind lane: about 14 min, 832 MB where nothing can be pulled",
        ]
    );
    assert_eq!(costs(&[]), [] as [&str; 0]);
}

#[test]
fn the_browser_lane_needs_no_engine_and_brings_debians_packages_and_then_npm_s() {
    let seen = bare_debian();
    let plan = steps(&seen, &[image("debian:13", Some("k1"))], &[Lane::Browser]).expect("a plan");
    let actions: Vec<&Action> = plan.iter().map(|step| &step.action).collect();
    let packages = Action::Packages {
        names: ["nodejs", "npm", "chromium"].map(str::to_owned).to_vec(),
        newer_suite: None,
    };
    assert_eq!(actions, [&packages, &Action::BrowserPackages]);
    assert!(plan.iter().all(|step| step.lane == Lane::Browser));
    assert_eq!(costs(&plan), ["browser lane: about 25 s, 200 MB"]);
}

/// A machine with all that the browser lane needs.
fn with_browser() -> Observed {
    Observed {
        browser: Browser {
            node: Some("20.20.2".into()),
            npm: Some("11.19.1".into()),
            chromium: Some(("156.0.8078.79".into(), "/usr/bin/chromium".into())),
            packages: Some("/t/packages-1".into()),
        },
        ..with_rust()
    }
}

#[test]
fn a_machine_with_a_browser_is_left_as_it_is() {
    assert_eq!(steps(&with_browser(), &[], &[Lane::Browser]), Ok(Vec::new()));
}

#[test]
fn a_changed_lock_file_brings_the_packages_alone_also_where_nothing_can_be_installed() {
    let mut seen = with_browser();
    seen.browser.packages = None;
    let plan = steps(&seen, &[], &[Lane::Browser]).expect("a plan");
    assert_eq!(plan.len(), 1);
    assert_eq!(plan[0].action, Action::BrowserPackages);
}

#[test]
fn a_chromium_that_cannot_be_installed_here_is_asked_for() {
    let mut seen = with_browser();
    seen.browser.chromium = None;
    let error = steps(&seen, &[], &[Lane::Browser]).expect_err("not Debian").to_string();
    assert!(
        error.starts_with("chromium: there is none where it is looked for\n  fix: install Chromium"),
        "{error}"
    );
}

#[test]
fn a_node_that_is_too_old_is_not_replaced_behind_its_owner_s_back() {
    let mut seen = with_browser();
    (seen.debian, seen.root) = (Some("bullseye".into()), true);
    for (version, ok) in [
        ("12.22.12", false),
        ("18.16.0", false),
        ("18.17.0", true),
        ("22.1.0", true),
    ] {
        seen.browser.node = Some(version.into());
        let plan = steps(&seen, &[], &[Lane::Browser]);
        assert_eq!(plan.is_ok(), ok, "{version}: {plan:?}");
        if let Err(error) = plan {
            assert!(error.to_string().starts_with(&format!(
                "node: {version} is too old: 18.17 or newer\n  fix: install Node"
            )));
        }
    }
}
