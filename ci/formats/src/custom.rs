//! Objects against the schemas of the book's own CustomResourceDefinitions, as far as a schema says it without CEL.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use crate::tree::{Node, Tree};
use crate::{Found, did_you_mean};

/// Schemas by apiVersion and kind.
#[derive(Debug, Default)]
pub struct Definitions {
    schemas: BTreeMap<(String, String), Value>,
}

impl Definitions {
    /// Takes over what a document defines, if it is a CustomResourceDefinition.
    pub fn learn(&mut self, document: &Tree) {
        if document.text("kind") != Some("CustomResourceDefinition") {
            return;
        }
        let spec = &document.json()["spec"];
        let (Some(group), Some(kind)) = (spec["group"].as_str(), spec["names"]["kind"].as_str()) else {
            return;
        };
        for version in spec["versions"].as_array().into_iter().flatten() {
            let served = version["served"].as_bool() != Some(false);
            if let Some(name) = version["name"].as_str().filter(|_| served) {
                let key = (format!("{group}/{name}"), kind.to_owned());
                self.schemas.insert(key, version["schema"]["openAPIV3Schema"].clone());
            }
        }
    }

    /// What is wrong with an object; `None` when nothing defines it.
    pub fn check(&self, object: &Tree, api_version: &str, kind: &str) -> Option<Vec<Found>> {
        let schema = self.schemas.get(&(api_version.to_owned(), kind.to_owned()))?;
        let mut check = Check {
            of: format!("{api_version} {kind}"),
            found: Vec::new(),
        };
        check.value(object, schema, "", true);
        Some(check.found)
    }

    /// The versions in which a kind is served.
    pub fn versions<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.schemas.keys().filter(move |k| k.1 == kind).map(|k| k.0.as_str())
    }

    /// The kinds of a version.
    pub fn kinds<'a>(&'a self, api_version: &'a str) -> impl Iterator<Item = &'a str> {
        self.schemas
            .keys()
            .filter(move |k| k.0 == api_version)
            .map(|k| k.1.as_str())
    }

    /// Whether something of this version is defined.
    pub fn serves(&self, api_version: &str) -> bool {
        self.kinds(api_version).next().is_some()
    }
}

struct Check {
    of: String,
    found: Vec<Found>,
}

impl Check {
    fn wrong(&mut self, line: usize, what: String) {
        self.found.push((
            line,
            format!("{what} ({})", self.of),
            "correct it, or the schema".into(),
        ));
    }

    fn value(&mut self, tree: &Tree, schema: &Value, path: &str, top: bool) {
        let name = if path.is_empty() {
            "the object".to_owned()
        } else {
            format!("`{path}`")
        };
        // The API drops it; a schema that requires the field then misses it.
        if tree.is_null() {
            return;
        }
        let either = schema["x-kubernetes-int-or-string"].as_bool() == Some(true);
        let wanted = schema["type"].as_str().or(either.then_some("integer or string"));
        if let Some(wanted) = wanted
            && !is_type(tree, wanted, either)
        {
            return self.wrong(tree.line, format!("{name} has to be of type {wanted}"));
        }
        match &tree.node {
            Node::Map(entries) => self.map(tree, entries, schema, path, top),
            Node::List(items) => {
                self.size(tree.line, &name, items.len(), schema, ["minItems", "maxItems"], "items");
                for (i, item) in items.iter().enumerate() {
                    self.value(item, &schema["items"], &format!("{path}[{i}]"), false);
                }
            }
            Node::Scalar(value) => self.scalar(tree.line, &name, value, schema),
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            if let Node::Scalar(value) = &tree.node {
                self.scalar(tree.line, &name, value, part);
            }
        }
    }

    fn map(&mut self, tree: &Tree, entries: &[(usize, String, Tree)], schema: &Value, path: &str, top: bool) {
        let join = |key: &str| {
            if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}.{key}")
            }
        };
        for key in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if tree.get(key).is_none_or(Tree::is_null) {
                self.wrong(tree.line, format!("`{}` is missing", join(key)));
            }
        }
        self.size(
            tree.line,
            path,
            entries.len(),
            schema,
            ["minProperties", "maxProperties"],
            "entries",
        );
        let free = schema["x-kubernetes-preserve-unknown-fields"].as_bool() == Some(true);
        for (line, key, value) in entries {
            let of_all = top && matches!(key.as_str(), "apiVersion" | "kind" | "metadata");
            let more = &schema["additionalProperties"];
            match schema["properties"].get(key) {
                // What each object has is not this schema's.
                _ if of_all => {}
                Some(schema) => self.value(value, schema, &join(key), false),
                None if more.is_object() => self.value(value, more, &join(key), false),
                None if free || more.as_bool() == Some(true) => {}
                None => {
                    let names = schema["properties"].as_object().into_iter().flat_map(|p| p.keys());
                    let near = did_you_mean(key, names.map(String::as_str));
                    self.wrong(*line, format!("unknown field `{}`{near}", join(key)));
                }
            }
        }
    }

    fn scalar(&mut self, line: usize, name: &str, value: &Value, schema: &Value) {
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            let words: Vec<String> = allowed.iter().map(Value::to_string).collect();
            self.wrong(line, format!("{name} has to be one of {}", words.join(", ")));
        }
        if let Some(number) = value.as_f64() {
            let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
            let strict = |key: &str| schema[key].as_bool() == Some(true);
            if let Some(least) = least
                && (number < least || (number == least && strict("exclusiveMinimum")))
            {
                self.wrong(line, format!("{name} is {number}, and {least} is the least"));
            }
            if let Some(most) = most
                && (number > most || (number == most && strict("exclusiveMaximum")))
            {
                self.wrong(line, format!("{name} is {number}, and {most} is the most"));
            }
        }
        if let Some(text) = value.as_str() {
            let count = text.chars().count();
            self.size(line, name, count, schema, ["minLength", "maxLength"], "characters");
            // A pattern that is no pattern is for the API to refuse.
            if let Some(pattern) = schema["pattern"].as_str()
                && Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text))
            {
                self.wrong(line, format!("{name} does not match the pattern {pattern}"));
            }
        }
    }

    fn size(&mut self, line: usize, name: &str, count: usize, schema: &Value, keys: [&str; 2], of: &str) {
        let [least, most] = keys.map(|key| schema[key].as_u64());
        let count = count as u64;
        if let Some(least) = least.filter(|least| count < *least) {
            self.wrong(line, format!("{name} has {count} {of}, and {least} is the least"));
        }
        if let Some(most) = most.filter(|most| count > *most) {
            self.wrong(line, format!("{name} has {count} {of}, and {most} is the most"));
        }
    }
}

fn is_type(tree: &Tree, wanted: &str, either: bool) -> bool {
    if either {
        return matches!(&tree.node, Node::Scalar(Value::String(_) | Value::Number(_)));
    }
    match (&tree.node, wanted) {
        (Node::Map(_), "object") | (Node::List(_), "array") => true,
        (Node::Scalar(Value::String(_)), "string") | (Node::Scalar(Value::Bool(_)), "boolean") => true,
        (Node::Scalar(Value::Number(n)), "integer") => n.is_i64() || n.is_u64(),
        (Node::Scalar(Value::Number(_)), "number") => true,
        _ => false,
    }
}
