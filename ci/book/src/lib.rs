//! The verifier behind `cargo book`.
//!
//! A book is a set of *pages*; a page holds *blocks* (fenced code); each block has one *check*, which runs in one
//! *lane* and leaves *evidence*. Nothing here knows a particular book: what is particular lies in the book's
//! `book.toml`, under `[preprocessor.book]`, and in its tests.
//!
//! | module | what lives there |
//! |---|---|
//! | [`model`] | the words: block, origin, lane, verdict, finding |
//! | [`config`] | `book.toml`'s `[preprocessor.book]` |
//! | [`page`] | pages to blocks; includes, anchors, facts |
//! | [`steps`] | what a listing changes since an earlier one, and which of its lines fold |
//! | [`workspace`] | packages, their test targets and lanes |
//! | [`job`] | what there is to run, with the hashes of all inputs |
//! | [`evidence`] | the store of what ran, and freshness |
//! | [`formats`] | what a YAML file is written for |
//! | [`run`] | the jobs: cargo tests with line coverage, snippets, consoles, diagrams, the site |
//! | [`status`] | blocks against evidence |
//! | [`lab`] | labs' WebAssembly: built, and still what it was built from |
//! | [`lanes`] | what this machine can run |
//! | [`preprocess`] | the preprocessor that mdBook calls |
//! | [`site`] | the HTML site: badges, links, live reload |
//! | [`publish`] | from a book to a site that was looked at |
//! | [`widgets`] | blocks that readers use: quizzes, labs, exercises |
//! | [`exercise`] | exercises: starter and solution from one source, checks, progress |
//! | [`new`] | scaffolds |
//! | [`cli`] | the command line |

pub mod cli;
pub mod config;
pub mod evidence;
pub mod exercise;
pub mod formats;
pub mod job;
pub mod lab;
pub mod lanes;
pub mod model;
pub mod new;
pub mod page;
pub mod preprocess;
pub mod publish;
pub mod run;
pub mod site;
pub mod status;
pub mod steps;
pub mod widgets;
pub mod workspace;
