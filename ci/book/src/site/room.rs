//! How much room a diagram will take, before it is drawn.
//!
//! The library draws in the reader's browser, after the page is there. Room that is kept for the picture keeps the text
//! below it in its place. What is told here is near, not exact: the picture is fitted into the room. The numbers are
//! those by which the library lays out: the height of a line, the space between two nodes, the width of a letter.

use std::collections::BTreeMap;

const LETTER: f64 = 8.0;
const LINE: f64 = 24.0;
const SPACE: f64 = 50.0;

/// Width and height in pixels. `None` for what is neither a flowchart nor a sequence.
pub(super) fn of(source: &str) -> Option<(u32, u32)> {
    let mut lines = source
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with("%%"));
    let (width, height) = match lines.next()?.split_whitespace().collect::<Vec<_>>()[..] {
        ["sequenceDiagram"] => sequence(lines),
        ["flowchart" | "graph", direction] => flowchart(lines, matches!(direction, "LR" | "RL")),
        _ => return None,
    };
    Some((width.round() as u32, height.round() as u32))
}

fn sequence<'a>(lines: impl Iterator<Item = &'a str>) -> (f64, f64) {
    let mut actors: Vec<&str> = Vec::new();
    let mut gaps: BTreeMap<usize, f64> = BTreeMap::new();
    let mut height = 171.0;
    for line in lines {
        if let Some(rest) = line
            .strip_prefix("participant ")
            .or_else(|| line.strip_prefix("actor "))
        {
            actors.push(rest.split_whitespace().next().unwrap_or_default());
            continue;
        }
        let (head, text) = line.split_once(':').unwrap_or((line, ""));
        if head.starts_with("Note ") {
            height += 49.0 + (text.matches("<br>").count() as f64) * LINE;
            continue;
        }
        let mut ends = head
            .split(['-', '>', 'x', ')'])
            .map(str::trim)
            .filter(|end| !end.is_empty());
        let (Some(from), Some(to)) = (ends.next(), ends.next_back()) else {
            continue;
        };
        if from == to {
            height += 79.0;
            continue;
        }
        height += 48.0;
        let place = |name: &str| actors.iter().position(|actor| *actor == name);
        if let (Some(from), Some(to)) = (place(from), place(to))
            && from.abs_diff(to) == 1
        {
            let gap = gaps.entry(from.min(to)).or_default();
            *gap = gap.max(text.trim().chars().count() as f64 * LETTER + 70.0);
        }
    }
    let between = |i: usize| gaps.get(&i).copied().unwrap_or_default().max(200.0);
    let width = 250.0 + (1..actors.len()).map(|i| between(i - 1)).sum::<f64>();
    (width, height)
}

struct Edge {
    from: usize,
    to: usize,
    label: f64,
}

#[derive(Default)]
struct Graph {
    names: Vec<String>,
    /// Width and height by index.
    sizes: Vec<(f64, f64)>,
    edges: Vec<Edge>,
}

impl Graph {
    /// `id`, `id[text]`, `id([text])`, `id[(text)]` …
    fn node(&mut self, text: &str) -> usize {
        let text = text.trim();
        let at = text.find(['[', '(', '{', '>']).unwrap_or(text.len());
        let (name, label) = text.split_at(at);
        let index = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.sizes.push(size(name));
            self.names.len() - 1
        });
        if !label.is_empty() {
            self.sizes[index] = size(label.trim_matches(['[', ']', '(', ')', '{', '}', '>', '"']));
        }
        index
    }

    fn ranks(&self) -> Vec<usize> {
        let mut ranks = vec![0; self.names.len()];
        // The longest way to each node; a circle ends it after as many rounds as there are nodes.
        for _ in 0..self.names.len() {
            for edge in &self.edges {
                ranks[edge.to] = ranks[edge.to].max((ranks[edge.from] + 1).min(self.names.len() - 1));
            }
        }
        ranks
    }
}

fn size(label: &str) -> (f64, f64) {
    let lines: Vec<usize> = label.split("<br>").map(|line| line.chars().count()).collect();
    let longest = lines.iter().max().copied().unwrap_or_default();
    (longest as f64 * LETTER + 60.0, lines.len() as f64 * LINE + 30.0)
}

fn flowchart<'a>(lines: impl Iterator<Item = &'a str>, is_across: bool) -> (f64, f64) {
    let mut graph = Graph::default();
    for line in lines {
        let mut before = None;
        let mut label = 0.0;
        for part in line.replace("---", "-->").split("-->") {
            let mut node = part.trim();
            if let Some((text, rest)) = node.strip_prefix('|').and_then(|rest| rest.split_once('|')) {
                label = text.chars().count() as f64;
                node = rest;
            }
            let to = graph.node(node);
            if let Some(from) = before {
                graph.edges.push(Edge { from, to, label });
            }
            (before, label) = (Some(to), 0.0);
        }
    }
    let ranks = graph.ranks();
    let last = ranks.iter().max().copied().unwrap_or_default();
    // Along the direction, ranks stand one behind the other; across it, the fullest one decides.
    let (mut along, mut across) = (0.0, 0.0f64);
    for rank in 0..=last {
        let nodes = graph
            .sizes
            .iter()
            .zip(&ranks)
            .filter(|(_, r)| **r == rank)
            .map(|(size, _)| *size);
        let sizes: Vec<(f64, f64)> = nodes.map(|(w, h)| if is_across { (w, h) } else { (h, w) }).collect();
        let passing = graph
            .edges
            .iter()
            .filter(|e| ranks[e.from] < rank && rank < ranks[e.to])
            .count();
        let spaces = (sizes.len() + passing).saturating_sub(1) as f64;
        across = across.max(sizes.iter().map(|s| s.1).sum::<f64>() + spaces * SPACE);
        along += sizes.iter().map(|s| s.0).fold(0.0, f64::max);
        if rank == last {
            continue;
        }
        let leaving: Vec<&Edge> = graph
            .edges
            .iter()
            .filter(|e| ranks[e.from] <= rank && rank < ranks[e.to])
            .collect();
        let label = leaving.iter().map(|e| e.label).fold(0.0, f64::max);
        along += SPACE
            + if is_across {
                label * 7.4
            } else if label > 0.0 {
                LINE * 2.0
            } else {
                0.0
            };
        if is_across {
            across = across.max(leaving.len() as f64 * LINE + leaving.len().saturating_sub(1) as f64 * SPACE);
        }
    }
    let (width, height) = if is_across { (along, across) } else { (across, along) };
    (width + 16.0, height + 16.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the library made of them in Chromium, to a tenth.
    #[test]
    fn the_room_is_near_what_the_library_takes() {
        for (source, width, height) in [
            (
                "flowchart LR\n    program[links-api] --> first[A first image:<br>it works]\n    \
                 first -->|leave the compiler behind| multi[Multi-stage:<br>it fits]\n    \
                 multi -->|leave the C library behind| minimal[Minimal:<br>nothing else is in it]\n",
                1227.0,
                94.0,
            ),
            (
                "flowchart LR\n    client([client]) -->|HTTP| api[links-api]\n    api -->|gRPC| resolver[resolver]\n    \
                 api -->|AMQP| clicks[clicks]\n    resolver --> postgres[(Postgres)]\n    clicks --> postgres\n",
                657.0,
                174.0,
            ),
            (
                "flowchart TD\n    you[kubectl, your program] -->|objects over HTTP| api[API server]\n    \
                 operator[your operator] -->|watches and writes| api\n    \
                 controllers[controllers of Kubernetes] -->|watch and write| api\n    api --> etcd[(etcd)]\n    \
                 kubelet[kubelet, one on each node] -->|watches for pods| api\n    kubelet --> pods[containers]\n",
                1094.0,
                332.0,
            ),
            (
                "sequenceDiagram\n    participant e as engine\n    participant p as links-api\n    \
                 e->>p: start, with environment variables\n    p->>e: log lines on standard output\n    e->>p: ready?\n    \
                 p->>e: yes\n    e->>p: SIGTERM\n    p->>e: not ready, requests in flight are answered\n    \
                 p->>e: exit code zero\n",
                655.0,
                507.0,
            ),
            (
                "sequenceDiagram\n    participant lb as load balancer\n    participant k as kubelet\n    \
                 participant p as links-api\n    k->>p: SIGTERM\n    p->>p: listens no more\n    lb->>p: a request\n    \
                 p--xlb: refused\n    Note over lb: hears of the stop\n    lb->>lb: sends elsewhere\n",
                654.0,
                520.0,
            ),
        ] {
            let (w, h) = of(source).unwrap();
            let near = |is: u32, was: f64| (f64::from(is) - was).abs() < was / 10.0;
            assert!(
                near(w, width) && near(h, height),
                "{w} x {h}, not {width} x {height}: {source}"
            );
        }
        assert_eq!(of("pie\n  \"a\": 1\n"), None);
        assert_eq!(of(""), None);
        assert!(of("flowchart LR\n  a --> b\n  b --> a\n").is_some());
    }
}
