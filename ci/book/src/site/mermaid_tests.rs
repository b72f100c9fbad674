use super::*;

/// For each kind a diagram that parses, and one that does not with the line of its error.
const KINDS: &[(&str, &str, &str, usize)] = &[
    (
        "flowchart",
        "flowchart LR\n    a[\"One <br/> **two** `x`\"] -->|\"asks <b>b</b>\"| b(Two)\n    subgraph in\n        b --> c{Three?}\n    end\n    classDef hot fill:#f00\n    class a hot\n",
        "flowchart LR\n    a[One --> b[Two]\n",
        2,
    ),
    (
        "markdown in a flowchart",
        "graph TD\n    a[\"`text with **bold** and\n    two lines`\"] -.-> b\n",
        "graph TD\n    a[\"`text] -.-> b\n",
        2,
    ),
    (
        "sequence",
        "sequenceDiagram\n    participant U as User\n    U->>+A: GET /x<br/>with y\n    A-->>-U: 200\n    loop each\n        U->>A: again\n    end\n    Note over U,A: done\n",
        "sequenceDiagram\n    participant U\n    loop each\n    U->>A: x\n",
        4,
    ),
    (
        "sequence arrow",
        "sequenceDiagram\n    A->>B: x\n",
        "sequenceDiagram\n    A->>B: x\n    A>>>B: y\n",
        3,
    ),
    (
        "state",
        "stateDiagram-v2\n    [*] --> Up\n    Up --> Down: stop\n    state Up {\n        [*] --> Ready\n    }\n    Down --> [*]\n",
        "stateDiagram-v2\n    [*] --> Up\n    Up -> Down\n",
        3,
    ),
    (
        "class",
        "classDiagram\n    class Link {\n        +String to\n        +open() Result~Url~\n    }\n    Link <|-- Short : is a\n",
        "classDiagram\n    class Link {\n        +String to\n    Link <|-- Short\n",
        4,
    ),
    (
        "er",
        "erDiagram\n    LINK ||--o{ CLICK : has\n    LINK {\n        string code PK\n        string target\n    }\n",
        "erDiagram\n    LINK ||--x{ CLICK : has\n",
        2,
    ),
    (
        "gantt",
        "gantt\n    title A plan\n    dateFormat YYYY-MM-DD\n    section Build\n    Image :done, a, 2026-01-01, 3d\n    Test :after a, 2d\n",
        "gantt\n    title A plan\n    dateFormat YYYY-MM-DD\n    section Build\n    Image\n    Test : 2d\n",
        5,
    ),
    (
        "pie",
        "pie title Sizes\n    \"std\" : 40\n    \"own\" : 60\n",
        "pie title Sizes\n    \"std\" : 40\n    \"own\" ; 60\n",
        3,
    ),
    (
        "gitGraph",
        "gitGraph\n    commit\n    branch fix\n    checkout fix\n    commit id: \"a\"\n    checkout main\n    merge fix\n",
        "gitGraph\n    commit\n    brunch fix\n",
        3,
    ),
    (
        "journey",
        "journey\n    title Day\n    section Go\n      Make tea: 5: Me\n",
        "journey\n    title Day\n    section Go\n      Make tea 5 Me\n",
        4,
    ),
    (
        "mindmap",
        "mindmap\n  root((x))\n    A\n      B\n",
        "mindmap\n  root((x\n    A\n",
        3,
    ),
    (
        "timeline",
        "timeline\n    title T\n    2025 : a : b\n    2026 : c\n",
        "timeline\n    title T\n    : an event of no time\n",
        1,
    ),
    (
        "quadrant",
        "quadrantChart\n    x-axis Low --> High\n    y-axis Low --> High\n    A: [0.3, 0.6]\n",
        "quadrantChart\n    x-axis Low --> High\n    A: [0.3 0.6]\n",
        3,
    ),
    (
        "requirement",
        "requirementDiagram\n    requirement r {\n    id: 1\n    text: t\n    risk: high\n    verifymethod: test\n    }\n",
        "requirementDiagram\n    requirement r {\n    id 1\n    }\n",
        3,
    ),
    (
        "block",
        "block-beta\n    columns 2\n    a b\n    a --> b\n",
        "block-beta\n    columns 2\n    a[\"x\n",
        3,
    ),
    (
        "packet",
        "packet-beta\n    0-15: \"Source\"\n    16-31: \"Target\"\n",
        "packet-beta\n    0-15 \"Source\"\n",
        2,
    ),
    (
        "xychart",
        "xychart-beta\n    x-axis [a, b]\n    y-axis \"n\" 0 --> 9\n    bar [1, 2]\n",
        "xychart-beta\n    x-axis [a, b\n    bar [1, 2]\n",
        2,
    ),
    (
        "c4",
        "C4Context\n    Person(a, \"A\")\n    System(b, \"B\")\n    Rel(a, b, \"uses\")\n",
        "C4Context\n    Person(a, \"A\")\n    Systm(b, \"B\")\n",
        3,
    ),
    (
        "sankey",
        "sankey-beta\n\na,b,10\nb,c,5\n",
        "sankey-beta\n\na,b,10\nb,c\n",
        4,
    ),
    (
        "architecture",
        "architecture-beta\n    group api(cloud)[API]\n    service db(database)[DB] in api\n",
        "architecture-beta\n    group api(cloud)[API]\n    servce db(database)[DB]\n",
        3,
    ),
    (
        "front matter",
        "---\ntitle: T\n---\nflowchart LR\n    a --> b\n",
        "---\ntitle: T\n---\nflowchart LR\n    a --> b\n    b -->> c[\n    c --> d\n",
        6,
    ),
    (
        "directive and comment",
        "%%{init: {\"theme\": \"base\"}}%%\nflowchart LR\n    %% says a\n    a --> b\n",
        "%%{init: {\"theme\": \"base\"}}%%\nflowchart LR\n    %% says a\n    a --> b\n    b -->> c[\n    c --> d\n",
        5,
    ),
];

fn labelled(text: &str) -> (String, String) {
    ("a.md:1".into(), text.into())
}

#[test]
fn diagrams_of_every_kind_parse() {
    let texts: Vec<_> = KINDS.iter().map(|(_, good, _, _)| labelled(good)).collect();
    for ((kind, ..), answer) in KINDS.iter().zip(check(&texts).unwrap()) {
        assert_eq!(answer, None, "{kind}");
    }
}

#[test]
fn a_wrong_diagram_of_every_kind_is_refused_at_its_line() {
    let texts: Vec<_> = KINDS.iter().map(|(_, _, bad, _)| labelled(bad)).collect();
    let mut wrong = Vec::new();
    for ((kind, _, _, line), answer) in KINDS.iter().zip(check(&texts).unwrap()) {
        match answer {
            None => wrong.push(format!("{kind}: was accepted")),
            Some(problem) if problem.line != *line => {
                wrong.push(format!(
                    "{kind}: line {} instead of {line}: {}",
                    problem.line, problem.message
                ));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_no_diagram_is_refused() {
    for text in ["", "\n", "hello\n", "flowchrt LR\n    a --> b\n", "{\"a\": 1}\n"] {
        assert!(check(&[labelled(text)]).unwrap()[0].is_some(), "{text:?}");
    }
}

#[test]
fn a_wrong_diagram_does_not_spoil_the_next() {
    let good = labelled("flowchart LR\n    a --> b\n");
    let answers = check(&[good.clone(), labelled("flowchart LR\n    a[ --> b\n"), good]).unwrap();
    assert_eq!(
        answers.iter().map(Option::is_some).collect::<Vec<_>>(),
        [false, true, false]
    );
}

/// The site's library is the file in the package that `Cargo.lock` names; its own banner says so.
#[test]
fn the_library_is_mermaid() {
    assert!(library().contains("Knut Sveidqvist") && library().len() > 1_000_000);
    assert!(FROM.starts_with("mdbook-mermaid 0."), "{FROM}");
}

/// Not a promise about any machine: prints what a load and fifty diagrams take.
#[test]
fn fifty_diagrams_at_once() {
    let texts: Vec<_> = KINDS
        .iter()
        .cycle()
        .take(50)
        .map(|(_, good, _, _)| labelled(good))
        .collect();
    let start = Instant::now();
    assert!(check(&texts).unwrap().iter().all(Option::is_none));
    eprintln!(
        "50 diagrams, library loaded once: {:.2} s",
        start.elapsed().as_secs_f64()
    );
}
