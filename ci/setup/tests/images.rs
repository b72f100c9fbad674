//! Set-up on a real engine: what it takes, what it builds, what it builds again, and what it leaves when it fails.
//!
//! Each test has a book of its own, whose image has a name that nobody can pull: nothing listens on its registry's port.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::process::Command;

use book_setup::{Action, Lane, Origin, Step, image_truth};

/// A book with one image. What the engine has of it is removed when this is dropped, also when the test panics.
struct Book {
    root: tempfile::TempDir,
    /// Distinguishes it from every other, on the engine too.
    id: String,
}

impl Book {
    /// Its image holds the file `/version`, in which set-up finds the version.
    fn new() -> Book {
        let id = format!("{:016x}", RandomState::new().build_hasher().finish());
        let book = Book {
            root: tempfile::tempdir().expect("a folder"),
            id,
        };
        book.write("docker/tiny/version", "1.2.3\n");
        book.write("docker/tiny/Dockerfile", "FROM scratch\nCOPY version /version\n");
        book.images("recipe = \"tiny\"\nbuilt-from = \"one file\"\nsmoke-file = \"/version\"");
        book
    }

    fn name(&self) -> String {
        format!("localhost:1/book-setup-test/{}:1", self.id)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    fn images(&self, rest: &str) {
        let name = self.name();
        let entry = format!("[[image]]\nname = \"{name}\"\nversion = \"1.2.\"\ntitle = \"Tiny\"\n{rest}\n");
        self.write("docker/images.toml", &entry);
    }

    fn plan(&self) -> Vec<Step> {
        book_setup::plan(self.root.path(), &[Lane::Docker], &[]).expect("a plan")
    }

    /// The titles of the plan's steps.
    fn titles(&self) -> Vec<String> {
        self.plan().into_iter().map(|step| step.title).collect()
    }

    fn set_up(&self) -> Result<(), String> {
        book_setup::run(self.root.path(), &self.plan()).map_err(|error| format!("{error:#}"))
    }

    /// Builds the recipe by hand, without set-up, and returns the image's id.
    fn build_by_hand(&self) -> String {
        let folder = self.root.path().join("docker/tiny");
        docker(&[
            "buildx",
            "build",
            "--load",
            "--quiet",
            "--tag",
            &self.name(),
            &folder.to_string_lossy(),
        ]);
        self.truth().id
    }

    fn truth(&self) -> book_setup::ImageTruth {
        image_truth(&self.name()).expect("the engine has the image")
    }

    /// Every tag that the engine has for this book.
    fn tags(&self) -> Vec<String> {
        let all = docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
        all.lines()
            .filter(|tag| tag.contains(&self.id))
            .map(str::to_owned)
            .collect()
    }

    /// Whether the engine has an image, by id.
    fn has(&self, id: &str) -> bool {
        let out = Command::new("docker").args(["image", "inspect", id]).output();
        out.expect("docker").status.success()
    }

    /// Containers that were made from an image of this book and are still there.
    fn containers(&self) -> String {
        let all = docker(&["container", "ls", "--all", "--format", "{{.Image}} {{.Names}}"]);
        all.lines()
            .filter(|line| line.contains(&self.id))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn assert_nothing_is_left(&self) {
        assert_eq!(self.tags(), [] as [&str; 0]);
        assert_eq!(self.containers(), "");
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        for tag in self.tags() {
            // A test that fails already has more to say than this.
            let _ = Command::new("docker").args(["image", "rm", "--force", &tag]).output();
        }
    }
}

fn docker(args: &[&str]) -> String {
    let out = Command::new("docker").args(args).output().expect("docker");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "docker {}: {said}", args.join(" "));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn an_image_that_is_present_is_taken_as_it_is() {
    let book = Book::new();
    let id = book.build_by_hand();
    assert_eq!(book.titles(), [] as [&str; 0]);

    // Somebody may have brought it after the plan was made.
    let step = Step {
        title: "the image".into(),
        action: Action::Image { name: book.name() },
        lane: Lane::Docker,
        cost: None,
    };
    book_setup::run(book.root.path(), &[step]).expect("a set-up");
    assert_eq!((book.truth().id, book.truth().origin), (id, Origin::Unknown));
    assert_eq!(book.tags(), [book.name()]);
}

#[test]
fn an_image_that_cannot_be_pulled_is_built_and_says_so() {
    let book = Book::new();
    let name = book.name();
    assert_eq!(
        book.titles(),
        [format!("image {name} (pulling it, else building docker/tiny)")]
    );
    book.set_up().expect("a set-up");

    let recipe = book_setup::images(book.root.path()).expect("images")[0].recipe.clone();
    let truth = format!("Tiny 1.2.3, built from one file, standing in for `{name}`");
    let stand_in = Origin::StandIn {
        version: "1.2.3".into(),
        built_from: "one file".into(),
        recipe: recipe.expect("a recipe").hash,
        truth: truth.clone(),
    };
    assert_eq!(book.truth().origin, stand_in);
    assert_eq!(book.truth().to_string(), truth);
    assert_eq!(book.tags(), [name], "the name that it was built under is gone");
    assert_eq!(book.containers(), "");
    assert_eq!(book.titles(), [] as [&str; 0], "a second set-up has nothing to do");
}

#[test]
fn a_changed_recipe_is_built_again_and_an_unchanged_one_is_not() {
    let book = Book::new();
    book.set_up().expect("a set-up");
    let old = book.truth().id;

    book.write("docker/tiny/version", "1.2.4\n");
    let title = format!("image {} (rebuilding it, its recipe has changed)", book.name());
    assert_eq!(book.titles(), [title]);
    book.set_up().expect("a set-up");
    assert!(book.truth().to_string().starts_with("Tiny 1.2.4, "), "{}", book.truth());
    assert!(!book.has(&old), "the old image is gone");

    let new = book.truth().id;
    assert_eq!(book.titles(), [] as [&str; 0]);
    book.set_up().expect("a set-up of nothing");
    assert_eq!(book.truth().id, new);
}

#[test]
fn an_image_of_another_version_than_the_pinned_one_is_refused() {
    let book = Book::new();
    book.write("docker/tiny/version", "1.3.0\n");
    let error = book.set_up().expect_err("another version");
    let message = format!(
        "docker/images.toml:2: `{}` is pinned to 1.2., and its recipe now gives: 1.3.0\n  fix: write the new version there",
        book.name()
    );
    assert!(error.contains(&message), "{error}");
    book.assert_nothing_is_left();

    // An image that was good stays, while its new recipe gives none.
    book.write("docker/tiny/version", "1.2.3\n");
    book.set_up().expect("a set-up");
    let good = book.truth();
    book.write("docker/tiny/version", "1.3.0\n");
    book.set_up().expect_err("another version");
    assert_eq!(book.truth(), good);
    assert_eq!(book.tags(), [book.name()]);
}

#[test]
fn a_recipe_that_does_not_build_is_named_with_the_last_words_of_its_build() {
    let book = Book::new();
    book.write("docker/tiny/Dockerfile", "FROM scratch\nCOPY no-such-file /version\n");
    let error = book.set_up().expect_err("no such file");
    assert!(error.contains("no-such-file\": not found"), "{error}");
    // Why it was not pulled is said too.
    let first = format!("docker pull {}: ", book.name());
    assert!(
        error.contains(&first) && error.contains("; building it instead: "),
        "{error}"
    );
    assert!(
        error.contains("\n  fix: mend docker/tiny, or give this machine the network that it needs"),
        "{error}"
    );
    let log = error
        .lines()
        .find_map(|line| line.trim().strip_prefix("all of it: "))
        .expect("a log");
    assert!(Path::new(log).is_file(), "{error}");
    book.assert_nothing_is_left();
}

#[test]
fn an_image_that_does_not_run_is_refused() {
    let book = Book::new();
    book.images("recipe = \"tiny\"\nbuilt-from = \"one file\"\nsmoke = [\"/no-such-program\"]");
    let error = book.set_up().expect_err("no such program");
    assert!(error.contains("the new image does not work: "), "{error}");
    assert!(error.contains("/no-such-program"), "{error}");
    assert!(error.contains("\n  fix: mend its recipe"), "{error}");
    book.assert_nothing_is_left();
}

#[test]
fn an_optional_image_is_brought_when_it_is_asked_for() {
    let book = Book::new();
    book.images("recipe = \"tiny\"\nbuilt-from = \"one file\"\nsmoke-file = \"/version\"\noptional = true");
    assert_eq!(book.titles(), [] as [&str; 0]);
    let steps = book_setup::plan(book.root.path(), &[Lane::Docker], &[book.name()]).expect("a plan");
    book_setup::run(book.root.path(), &steps).expect("a set-up");
    assert!(book.truth().to_string().starts_with("Tiny 1.2.3, "), "{}", book.truth());
}

#[test]
fn an_image_without_a_recipe_has_to_be_pulled() {
    let book = Book::new();
    book.images("smoke-file = \"/version\"");
    let name = book.name();
    assert_eq!(book.titles(), [format!("image {name} (pulling it)")]);
    let error = book.set_up().expect_err("nobody has it");
    assert!(error.contains(&format!("docker pull {name}: ")), "{error}");
    assert!(
        error.contains(&format!(
            "\n  fix: give this machine a network on which `docker pull {name}` works"
        )),
        "{error}"
    );
    book.assert_nothing_is_left();
}
