//! From what a machine has to what is missing, and from that to steps. No I/O.

use crate::browser::{OLDEST_NODE, SCRIPTS};
use crate::cluster::{self, Cluster};
use crate::debian::{self, ENGINE, KIND};
use crate::images::{Cost, Image, Recipe};
use crate::observe::{Engine, Observed, Present};
use crate::{Lane, Need, State};

/// One step of a set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does, for the question and for the line of progress.
    pub title: String,
    /// The same for the machine.
    pub action: Action,
    /// The lane that needs it; the first of those that were asked for, where more do.
    pub lane: Lane,
    /// What it costs at most, where that is known.
    pub cost: Option<Cost>,
}

impl Step {
    fn new(lane: Lane, title: String, action: Action) -> Step {
        Step {
            title,
            action,
            lane,
            cost: None,
        }
    }
}

/// What the steps of each lane cost, images where nothing can be pulled, a line a lane. None where no step has a known cost.
pub fn costs(steps: &[Step]) -> Vec<String> {
    let mut lines = Vec::new();
    for lane in [Lane::Offline, Lane::Docker, Lane::Kind, Lane::Browser] {
        let of_lane = || steps.iter().filter(|step| step.lane == lane);
        let seconds: u32 = of_lane().filter_map(|step| step.cost).map(|cost| cost.seconds).sum();
        let megabytes: u32 = of_lane().filter_map(|step| step.cost).map(|cost| cost.megabytes).sum();
        let unknown = |step: &&Step| step.cost.is_none() && matches!(step.action, Action::Image { .. });
        let more = match of_lane().filter(unknown).count() {
            0 => String::new(),
            n => format!(", and {n} more of its images"),
        };
        if seconds + megabytes > 0 {
            let cost = words(Cost { seconds, megabytes });
            // What comes from a package registry costs the same everywhere.
            let where_ = match lane {
                Lane::Browser => "",
                _ => " where nothing can be pulled",
            };
            lines.push(format!("{} lane: {cost}{more}{where_}", lane.word()));
        }
    }
    lines
}

/// `about 4 min, 1.2 GB`.
fn words(cost: Cost) -> String {
    let time = match cost.seconds {
        seconds @ ..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    };
    let size = match cost.megabytes {
        megabytes @ ..1000 => format!("{megabytes} MB"),
        megabytes => format!("{}.{} GB", megabytes / 1000, megabytes % 1000 / 100),
    };
    format!("about {time}, {size}")
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Bring `llvm-profdata` and `llvm-cov`.
    LlvmTools {
        /// rustup may be able to.
        rustup: bool,
        /// The Debian package that holds them.
        package: Option<String>,
    },
    /// Install Debian packages.
    Packages {
        /// Their names.
        names: Vec<String>,
        /// The newer release that they come from.
        newer_suite: Option<String>,
    },
    /// Start the machine's engine.
    StartEngine {
        /// By systemd, which then owns it.
        systemd: bool,
    },
    /// Take an image that is present, else pull it, else build it.
    Image {
        /// Its name.
        name: String,
    },
    /// Find the shared cluster alive, else make it.
    Cluster,
    /// Bring an image of the engine to the cluster's nodes.
    Load {
        /// Its name.
        name: String,
    },
    /// Bring the npm packages that drive a Chromium.
    BrowserPackages,
}

/// Something is missing that a set-up cannot bring to this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {why}\n  fix: {fix}")]
pub struct PlanError {
    /// The need.
    pub name: String,
    /// Why it is not there.
    pub why: String,
    /// What to do, by hand.
    pub fix: String,
}

const INSTALL_DOCKER: &str = "install Docker (https://docs.docker.com/get-docker/), then run cargo book setup";

fn setup(lane: Lane) -> String {
    format!("cargo book setup --lane {}", lane.word())
}

/// Each need of the lanes, and whether it is met.
pub fn needs(seen: &Observed, images: &[Image], lanes: &[Lane]) -> Vec<Need> {
    let mut needs = Vec::new();
    for lane in lanes {
        match lane {
            Lane::Offline => offline(seen, &mut needs),
            Lane::Docker => docker(seen, images, Lane::Docker, &mut needs),
            Lane::Kind => kind(seen, images, &mut needs),
            Lane::Browser => browser(seen, &mut needs),
        }
    }
    needs
}

fn need(lane: Lane, name: &str, found: Option<(String, String)>, why: &str, fix: String) -> Need {
    let state = match found {
        Some((version, detail)) => State::Ready { version, detail },
        None => State::Missing { why: why.into(), fix },
    };
    Need {
        lane,
        name: name.into(),
        state,
    }
}

fn offline(seen: &Observed, needs: &mut Vec<Need>) {
    let lane = Lane::Offline;
    let plain = |version: String| (version, String::new());
    let can_install = seen.debian.is_some() && seen.root;
    let rustup = "install Rust: https://rustup.rs".to_owned();
    let rustc = seen
        .rustc
        .as_ref()
        .map(|r| (r.release.clone(), format!("LLVM {}", r.llvm)));
    needs.push(need(lane, "rustc", rustc, "there is none on PATH", rustup.clone()));
    let bare = |line: &String| line.split_whitespace().nth(1).unwrap_or(line).to_owned();
    needs.push(need(
        lane,
        "cargo",
        seen.cargo.as_ref().map(bare).map(plain),
        "there is none on PATH",
        rustup,
    ));
    let by_setup = |by_hand: &str| if can_install { setup(lane) } else { by_hand.to_owned() };
    // `cc (Debian 12.2.0-14) 12.2.0`, `Apple clang version 15.0.0 (clang-1500.3)`: the last word that is a number.
    let number = |line: &String| {
        let mut words = line.split_whitespace().rev();
        words
            .find(|w| w.starts_with(|c: char| c.is_ascii_digit()))
            .unwrap_or(line)
            .to_owned()
    };
    let cc = seen.cc.as_ref().map(number).map(plain);
    needs.push(need(
        lane,
        "C compiler",
        cc,
        "rustc links with `cc`, which is not on PATH",
        by_setup(C_COMPILER),
    ));
    let git = seen
        .git
        .as_ref()
        .map(|l| plain(l.trim_start_matches("git version ").to_owned()));
    needs.push(need(lane, "git", git, "there is none on PATH", by_setup(GIT)));
    let llvm = seen.llvm.as_ref().zip(seen.rustc.as_ref()).map(|([tool, _], rustc)| {
        let folder = tool.parent().map(|p| p.display().to_string()).unwrap_or_default();
        (rustc.llvm.clone(), folder)
    });
    let major = seen.rustc.as_ref().map_or("?", |r| r.llvm.as_str());
    let why = format!("llvm-profdata and llvm-cov of LLVM {major}, which this rustc holds, are not here");
    let fix = if seen.rustup || can_install {
        setup(lane)
    } else {
        "rustup component add llvm-tools".to_owned()
    };
    needs.push(need(lane, "LLVM coverage tools", llvm, &why, fix));
}

const C_COMPILER: &str =
    "install a C compiler: `sudo apt-get install gcc libc6-dev`, or `xcode-select --install` on macOS";
const GIT: &str = "install git: `sudo apt-get install git`, or `xcode-select --install` on macOS";

/// An engine, and the images that a lane needs.
fn docker(seen: &Observed, images: &[Image], lane: Lane, needs: &mut Vec<Need>) {
    let plain = |version: &String| (version.clone(), String::new());
    let mut image_fix = setup(lane);
    needs.push(match &seen.engine {
        Engine::Answers { version } => {
            let client = seen.client.clone().unwrap_or_default();
            need(
                lane,
                "docker engine",
                Some((version.clone(), client)),
                "",
                String::new(),
            )
        }
        Engine::Silent { why, elsewhere } => {
            let fix = engine_fix(seen, why, elsewhere.as_deref()).unwrap_or_else(|| setup(lane));
            // Without the engine, a set-up that cannot bring one brings no image either.
            image_fix.clone_from(&fix);
            need(lane, "docker engine", None, why, fix)
        }
    });
    let can_install = seen.debian.is_some() && seen.root;
    for (name, found) in [("buildx", &seen.buildx), ("compose", &seen.compose)] {
        let fix = if can_install {
            setup(lane)
        } else {
            format!("install Docker's plug-in {name} (https://docs.docker.com/get-docker/)")
        };
        needs.push(need(
            lane,
            name,
            found.as_ref().map(plain),
            &format!("the docker client has no plug-in {name}"),
            fix,
        ));
    }
    for image in wanted(seen, images, lane) {
        let name = format!("image {}", image.name);
        let present = seen.images.get(&image.name);
        let fresh = fresh(seen, image);
        let why = match (&seen.engine, present) {
            (Engine::Silent { .. }, _) => "no engine answers, so nobody knows",
            (_, Some(_)) => "it was built from a recipe that has changed since",
            _ => "this engine does not have it",
        };
        needs.push(need(
            lane,
            &name,
            fresh.map(|p| (p.truth.clone(), p.id.clone())),
            why,
            image_fix.clone(),
        ));
    }
}

/// The images of a lane, and those that they would be built from here.
fn wanted<'a>(seen: &Observed, images: &'a [Image], lane: Lane) -> Vec<&'a Image> {
    let mut names: Vec<&str> = Vec::new();
    // An image comes after its bases in the list, so backwards each base is met after all that are built from it.
    let mut found: Vec<&Image> = Vec::new();
    for image in images.iter().rev() {
        if image.lane != lane && !names.contains(&image.name.as_str()) {
            continue;
        }
        if let (None, Some(recipe)) = (fresh(seen, image), &image.recipe) {
            names.extend(recipe.bases.iter().map(String::as_str));
        }
        found.push(image);
    }
    found.reverse();
    found
}

/// What the engine has of an image, unless it was built from another recipe than today's.
fn fresh<'a>(seen: &'a Observed, image: &Image) -> Option<&'a Present> {
    let present = seen.images.get(&image.name)?;
    (!stale(present.recipe.as_deref(), image.recipe.as_ref())).then_some(present)
}

/// The need of a cluster, whose name [`cluster::NAME`] is.
const CLUSTER: &str = "cluster cloud-native-rust";

const INSTALL_KIND: &str = "install kind (https://kind.sigs.k8s.io/docs/user/quick-start/#installation), then run cargo book setup --lane kind";
const INSTALL_KUBECTL: &str =
    "install kubectl (https://kubernetes.io/docs/tasks/tools/), then run cargo book setup --lane kind";

/// The first kind that knows this release of Kubernetes.
const OLDEST_KIND: (u32, u32) = (0, 33);

fn kind(seen: &Observed, images: &[Image], needs: &mut Vec<Need>) {
    let lane = Lane::Kind;
    docker(seen, images, lane, needs);
    let plain = |version: &String| (version.clone(), String::new());
    let can_install = seen.debian.is_some() && seen.root;
    let fix = |by_hand: &str| if can_install { setup(lane) } else { by_hand.to_owned() };
    let new_enough = seen.kind.as_ref().filter(|version| at_least(version, OLDEST_KIND));
    let why = match &seen.kind {
        Some(old) => format!(
            "{old} is too old for this release of Kubernetes: {}.{} or newer",
            OLDEST_KIND.0, OLDEST_KIND.1
        ),
        None => "there is none on PATH".into(),
    };
    needs.push(need(lane, "kind", new_enough.map(plain), &why, fix(INSTALL_KIND)));
    needs.push(need(
        lane,
        "kubectl",
        seen.kubectl.as_ref().map(plain),
        "there is none on PATH",
        fix(INSTALL_KUBECTL),
    ));
    let (alive, why) = match &seen.cluster {
        Cluster::Alive { version } => (Some(plain(version)), ""),
        Cluster::Absent => (None, "there is none"),
        Cluster::Silent { why } | Cluster::Dead { why } => (None, why.as_str()),
    };
    needs.push(need(lane, CLUSTER, alive, why, setup(lane)));
    for image in images.iter().filter(|image| runs_in_the_cluster(image)) {
        let found = seen.loaded.contains(&image.name).then(Default::default);
        let why = "the cluster's nodes do not have it";
        needs.push(need(lane, &in_the_cluster(image), found, why, setup(lane)));
    }
}

const INSTALL_NODE: &str =
    "install Node 18.17 or newer with npm (https://nodejs.org), then run cargo book setup --lane browser";
const INSTALL_CHROMIUM: &str =
    "install Chromium or Chrome, or set CHROMIUM to its path, then run cargo book setup --lane browser";

/// The need of the npm packages.
const PACKAGES: &str = "npm packages of ci/browser";

fn browser(seen: &Observed, needs: &mut Vec<Need>) {
    let lane = Lane::Browser;
    let plain = |version: &String| (version.clone(), String::new());
    let can_install = seen.debian.is_some() && seen.root;
    let fix = |by_hand: &str| if can_install { setup(lane) } else { by_hand.to_owned() };
    let browser = &seen.browser;
    let node = browser.node.as_ref().filter(|version| at_least(version, OLDEST_NODE));
    match &browser.node {
        // Debian's own is what an installation would bring: then it is too old, too.
        Some(old) if node.is_none() => {
            let why = format!("{old} is too old: {}.{} or newer", OLDEST_NODE.0, OLDEST_NODE.1);
            needs.push(need(lane, NODE, None, &why, INSTALL_NODE.to_owned()));
        }
        _ => needs.push(need(
            lane,
            NODE,
            node.map(plain),
            "there is none on PATH",
            fix(INSTALL_NODE),
        )),
    }
    let npm = browser.npm.as_ref().map(plain);
    needs.push(need(lane, NPM, npm, "there is none on PATH", fix(INSTALL_NODE)));
    let chromium = browser.chromium.as_ref();
    let chromium = chromium.map(|(version, path)| (version.clone(), path.display().to_string()));
    needs.push(need(
        lane,
        CHROMIUM,
        chromium,
        "there is none where it is looked for",
        fix(INSTALL_CHROMIUM),
    ));
    let there = browser
        .packages
        .as_ref()
        .map(|dir| ("as locked".to_owned(), dir.display().to_string()));
    let why = format!("they are not installed as {SCRIPTS}/package-lock.json has them");
    needs.push(need(lane, PACKAGES, there, &why, setup(lane)));
}

const NODE: &str = "node";
const NPM: &str = "npm";
const CHROMIUM: &str = "chromium";

/// What would bring the browser lane; nothing, where it is not asked for.
fn browser_steps(needs: &[Need], seen: &Observed, can_install: bool, steps: &mut Vec<Step>) -> Result<(), PlanError> {
    let missing = |name: &str| {
        let named = |need: &&Need| need.lane == Lane::Browser && need.name == name && !need.is_ready();
        needs.iter().find(named)
    };
    let programs = [(NODE, "nodejs"), (NPM, "npm"), (CHROMIUM, "chromium")];
    let lacking: Vec<(&Need, &str)> = programs
        .iter()
        .filter_map(|(name, package)| Some((missing(name)?, *package)))
        .collect();
    let too_old = missing(NODE).is_some() && seen.browser.node.is_some();
    if let Some((need, _)) = lacking.first()
        && (!can_install || too_old)
    {
        return Err(by_hand(need));
    }
    if !lacking.is_empty() {
        let names: Vec<String> = lacking.iter().map(|(_, package)| (*package).to_owned()).collect();
        let title = format!("installing {}", names.join(" "));
        let action = Action::Packages {
            names,
            newer_suite: None,
        };
        steps.push(Step::new(Lane::Browser, title, action));
    }
    if missing(PACKAGES).is_some() {
        let title = format!("installing the {PACKAGES} (npm ci, below cargo's target folder)");
        let cost = Some(Cost {
            seconds: 25,
            megabytes: 200,
        });
        steps.push(Step {
            cost,
            ..Step::new(Lane::Browser, title, Action::BrowserPackages)
        });
    }
    Ok(())
}

fn by_hand(need: &Need) -> PlanError {
    let (why, fix) = match &need.state {
        State::Missing { why, fix } => (why, fix),
        State::Ready { version, detail } => (version, detail),
    };
    PlanError {
        name: need.name.clone(),
        why: why.clone(),
        fix: fix.clone(),
    }
}

/// Whether pods are made from it: of the kind lane's images all but the nodes' own.
pub fn runs_in_the_cluster(image: &Image) -> bool {
    image.lane == Lane::Kind && image.name != cluster::IMAGE
}

/// The need of an image on the nodes.
fn in_the_cluster(image: &Image) -> String {
    format!("image {} in the cluster", image.name)
}

/// Whether a version such as `0.33.0` is of that release or a newer one.
fn at_least(version: &str, (major, minor): (u32, u32)) -> bool {
    let mut numbers = version
        .split(['.', '-', '+'])
        .map_while(|part| part.parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(a), Some(b)) if (a, b) >= (major, minor))
}

/// Whether an image was built here from another recipe than today's. What was not built here is left as it is.
fn stale(built: Option<&str>, recipe: Option<&Recipe>) -> bool {
    built.is_some_and(|built| recipe.is_some_and(|recipe| recipe.hash != built))
}

/// What to do by hand for an engine; `None` when a set-up can bring one.
fn engine_fix(seen: &Observed, why: &str, elsewhere: Option<&str>) -> Option<String> {
    if let Some(place) = elsewhere {
        return Some(format!(
            "start the engine at {place}, or unset DOCKER_HOST and DOCKER_CONTEXT"
        ));
    }
    if why.contains("permission denied") {
        return Some("join its group, `sudo usermod -aG docker $USER`, and log in again".into());
    }
    if seen.root && (seen.debian.is_some() || seen.dockerd && seen.client.is_some()) {
        return None;
    }
    if seen.debian.is_some() {
        return Some(
            "run cargo book setup as root: it installs an engine and starts it; or install Docker yourself".into(),
        );
    }
    if seen.client.is_some() {
        Some("start Docker, then run cargo book setup".into())
    } else {
        Some(INSTALL_DOCKER.into())
    }
}

/// What would make the lanes ready, in order.
///
/// # Errors
/// When something is missing that a set-up cannot bring.
pub fn steps(seen: &Observed, images: &[Image], lanes: &[Lane]) -> Result<Vec<Step>, PlanError> {
    let needs = needs(seen, images, lanes);
    let missing = |name: &str| needs.iter().find(|n| n.name == name && !n.is_ready());
    let can_install = seen.debian.is_some() && seen.root;
    let mut steps = Vec::new();

    if let Some(need) = missing("rustc").or(missing("cargo")) {
        return Err(by_hand(need));
    }
    let mut packages: Vec<String> = Vec::new();
    for (name, wanted) in [("C compiler", ["gcc", "libc6-dev"].as_slice()), ("git", &["git"])] {
        if let Some(need) = missing(name) {
            if !can_install {
                return Err(by_hand(need));
            }
            packages.extend(wanted.iter().map(|p| (*p).to_owned()));
        }
    }
    if !packages.is_empty() {
        let title = format!("installing {}", packages.join(" "));
        let action = Action::Packages {
            names: packages,
            newer_suite: None,
        };
        steps.push(Step::new(Lane::Offline, title, action));
    }
    if let Some(need) = missing("LLVM coverage tools") {
        let package = seen
            .rustc
            .as_ref()
            .filter(|_| can_install)
            .map(|r| format!("llvm-{}", r.llvm));
        if !seen.rustup && package.is_none() {
            return Err(by_hand(need));
        }
        let from = match (&package, seen.rustup) {
            (Some(package), true) => format!("rustup component add llvm-tools, else apt-get install {package}"),
            (Some(package), false) => format!("apt-get install {package}"),
            (None, _) => "rustup component add llvm-tools".into(),
        };
        let action = Action::LlvmTools {
            rustup: seen.rustup,
            package,
        };
        let title = format!("installing LLVM's coverage tools ({from})");
        steps.push(Step::new(Lane::Offline, title, action));
    }

    let engines_lane = lanes
        .iter()
        .copied()
        .find(|l| matches!(l, Lane::Docker | Lane::Kind))
        .unwrap_or(Lane::Docker);
    let silent = missing("docker engine");
    if let Some(need) = silent
        && let Engine::Silent { why, elsewhere } = &seen.engine
        && engine_fix(seen, why, elsewhere.as_deref()).is_some()
    {
        return Err(by_hand(need));
    }
    let wanted: Vec<&str> = match silent {
        Some(_) if !seen.dockerd => ENGINE
            .into_iter()
            .chain((!seen.bundle).then_some("ca-certificates"))
            .collect(),
        _ => [("buildx", "docker-buildx"), ("compose", "docker-compose")]
            .into_iter()
            .filter(|(name, _)| missing(name).is_some())
            .map(|(_, package)| package)
            .chain((silent.is_some() && seen.client.is_none()).then_some("docker-cli"))
            .collect(),
    };
    if !wanted.is_empty() {
        if !can_install {
            let need = missing("buildx").or(missing("compose")).or(silent);
            return need.map_or(Ok(steps), |need| Err(by_hand(need)));
        }
        let newer_suite = seen.debian.as_deref().and_then(debian::newer_suite).map(str::to_owned);
        let from = newer_suite.as_ref().map_or(String::new(), |suite| {
            format!(", from Debian {suite} (adds it to apt's sources, pinned so that nothing else comes from it)")
        });
        let title = format!("installing {}{from}", wanted.join(" "));
        let action = Action::Packages {
            names: wanted.into_iter().map(str::to_owned).collect(),
            newer_suite,
        };
        steps.push(Step::new(engines_lane, title, action));
    }
    if silent.is_some() {
        let how = if seen.systemd_unit {
            "by systemd".to_owned()
        } else {
            format!("log: {}", crate::engine::LOG)
        };
        let action = Action::StartEngine {
            systemd: seen.systemd_unit,
        };
        let title = format!("starting the Docker engine ({how})");
        steps.push(Step::new(engines_lane, title, action));
    }
    for image in images {
        if missing(&format!("image {}", image.name)).is_some() {
            let stale = seen.images.contains_key(&image.name);
            let how = match &image.recipe {
                _ if stale => "rebuilding it, its recipe has changed".to_owned(),
                None => "pulling it".to_owned(),
                Some(recipe) => {
                    let folder = recipe.folder.file_name().unwrap_or_default().to_string_lossy();
                    format!("pulling it, else building docker/{folder}")
                }
            };
            let cost = image.cost.filter(|_| image.recipe.is_some());
            let price = cost.map_or(String::new(), |cost| format!(": {}", words(cost)));
            let action = Action::Image {
                name: image.name.clone(),
            };
            steps.push(Step {
                cost,
                ..Step::new(image.lane, format!("image {} ({how}{price})", image.name), action)
            });
        }
    }
    let programs: Vec<&Need> = ["kind", "kubectl"].into_iter().filter_map(missing).collect();
    if let Some(need) = programs.first() {
        if !can_install {
            return Err(by_hand(need));
        }
        let names: Vec<String> = programs.iter().map(|need| need.name.clone()).collect();
        let title = format!(
            "installing {} from Debian {KIND} (adds it to apt's sources, pinned so that nothing else comes from it)",
            names.join(" ")
        );
        let action = Action::Packages {
            names,
            newer_suite: Some(KIND.into()),
        };
        steps.push(Step::new(Lane::Kind, title, action));
    }
    // A new image of the node makes a cluster that lives today a thing of yesterday.
    let new_node = missing(&format!("image {}", cluster::IMAGE)).is_some();
    if missing(CLUSTER).is_some() || new_node {
        let how = match &seen.cluster {
            Cluster::Absent => "making it",
            Cluster::Silent { .. } => "waiting for it, else making it anew",
            Cluster::Dead { .. } | Cluster::Alive { .. } => "making it anew",
        };
        steps.push(Step::new(Lane::Kind, format!("{CLUSTER} ({how})"), Action::Cluster));
    }
    if lanes.contains(&Lane::Kind) {
        let new_cluster = steps.iter().any(|step| step.action == Action::Cluster);
        for image in images.iter().filter(|image| runs_in_the_cluster(image)) {
            let new_image = missing(&format!("image {}", image.name)).is_some();
            if new_cluster || new_image || missing(&in_the_cluster(image)).is_some() {
                let title = format!("bringing {} to the cluster's nodes", image.name);
                let name = image.name.clone();
                steps.push(Step::new(Lane::Kind, title, Action::Load { name }));
            }
        }
    }
    browser_steps(&needs, seen, can_install, &mut steps)?;
    Ok(steps)
}

#[cfg(test)]
mod tests;
