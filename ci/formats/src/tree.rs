//! YAML with the line of each value.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

use crate::Found;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// What it is.
    pub node: Node,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Node {
    /// Neither a list nor a map.
    Scalar(Value),
    /// A list.
    List(Vec<Tree>),
    /// A map in the order of the file; each key with its line.
    Map(Vec<(usize, String, Tree)>),
}

/// All documents of a file that hold something.
pub fn documents(text: &str) -> Result<Vec<Tree>, Found> {
    serde_saphyr::from_multiple(text).map_err(|error| {
        let line = error.location().map_or(1, |at| usize::try_from(at.line()).unwrap_or(1));
        // The first line says what; the rest shows the place once more.
        let said = error.to_string();
        let first = said.lines().next().unwrap_or_default();
        let what = first
            .rsplit_once(&format!("line {line} column "))
            .map_or(first, |(_, rest)| rest.split_once(": ").map_or(first, |(_, what)| what));
        (line.max(1), format!("is no YAML: {what}"), "correct the line".into())
    })
}

impl Tree {
    /// The value behind a key.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.entries().iter().find(|e| e.1 == key).map(|e| &e.2)
    }

    /// The text behind a key.
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.node {
            Node::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The entries of a map; of anything else, none.
    pub fn entries(&self) -> &[(usize, String, Tree)] {
        match &self.node {
            Node::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; of anything else, none.
    pub fn items(&self) -> &[Tree] {
        match &self.node {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// Whether nothing stands there.
    pub fn is_null(&self) -> bool {
        matches!(self.node, Node::Scalar(Value::Null))
    }

    /// The same without lines.
    pub fn json(&self) -> Value {
        match &self.node {
            Node::Scalar(value) => value.clone(),
            Node::List(items) => Value::Array(items.iter().map(Tree::json).collect()),
            Node::Map(entries) => {
                let entries = entries.iter().map(|(_, key, value)| (key.clone(), value.json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        let found = Spanned::<Node>::deserialize(deserializer)?;
        Ok(Tree {
            line: usize::try_from(found.referenced.line()).unwrap_or(1).max(1),
            node: found.value,
        })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let line = usize::try_from(key.referenced.line()).unwrap_or(1).max(1);
            entries.push((line, key.value, map.next_value()?));
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_knows_its_line_in_the_whole_file() {
        let all = documents("# first\na: 1\nb:\n  - x\n  - y: true\n---\n\nc: \"1\"\nd: null\ne: {f: 1.5}\n").unwrap();
        assert_eq!(all.len(), 2);
        let b = all[0].get("b").unwrap();
        assert_eq!(b.items()[1].entries()[0].0, 5);
        assert_eq!((all[1].entries()[0].0, all[1].text("c")), (8, Some("1")));
        assert!(all[1].get("d").unwrap().is_null());
        assert_eq!(all[1].json().to_string(), r#"{"c":"1","d":null,"e":{"f":1.5}}"#);
    }

    #[test]
    fn what_is_no_yaml_has_a_line() {
        let (line, what, _) = documents("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(line >= 2 && what.starts_with("is no YAML: "), "{line} {what}");
        let (line, what, _) = documents("a: 1\na: 2\n").unwrap_err();
        assert!(line == 2 && what.contains("duplicate"), "{line} {what}");
    }
}
