//! The metrics that the page's queries name are those of the program.

#![allow(dead_code, reason = "each test program uses a part of it")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use common::file;
use first_metric::metrics::Metrics;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use promql_parser::parser::{Expr, parse};
use promql_parser::util::{ExprVisitor, walk_expr};

/// Names of the metrics that a query reads.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl ExprVisitor for Names {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
        let selector = match expr {
            Expr::VectorSelector(selector) => Some(selector),
            Expr::MatrixSelector(matrix) => Some(&matrix.vs),
            _ => None,
        };
        self.0.extend(selector.and_then(|s| s.name.clone()));
        Ok(true)
    }
}

#[test]
fn every_metric_of_a_query_is_one_of_the_registry() {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    metrics.record("/{code}", StatusCode::OK, Duration::from_millis(1));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let known: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();

    let folder = book_support::root().join(file("queries"));
    let mut queries = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let query = std::fs::read_to_string(&path).unwrap();
        let query = parse(&query).unwrap();
        let mut names = Names::default();
        walk_expr(&mut names, &query).unwrap();
        assert!(!names.0.is_empty(), "{}", path.display());
        for name in names.0 {
            assert!(
                known.contains(name.as_str()),
                "{name}, of {}, is none of {known:?}",
                path.display()
            );
        }
        queries += 1;
    }
    assert_eq!(queries, 3);
}
