//! What the programs say to each other: what the pages show is what they
//! were built from.

use std::fmt::Write;

use book_support::{captured, evidence, listing, root};
use links_contract::DESCRIPTORS;
use links_contract::click::Click;
use protox::prost::Message;

const PROTO: &str = "listings/21-containerization/links-contract/proto";
const RESOLVER: &str = "links/v1/resolver.proto";

fn file(name: &str) -> String {
    format!("listings/21-containerization/system/captured/{name}")
}

#[test]
fn the_protocol_that_is_shown_is_the_one_of_the_programs() {
    let files = protox::compile([RESOLVER], [root().join(PROTO)]);
    let files = files.unwrap();
    assert_eq!(files.encode_to_vec(), DESCRIPTORS);
    let path = format!("{PROTO}/{RESOLVER}");
    assert!(listing(&path).contains("service Resolver"));
    evidence::note("compiled", &path, "with protox");

    // Programs of different releases talk to each other by these
    // numbers. One may be added; none may change.
    let mut numbers = String::new();
    for message in &files.file[0].message_type {
        for field in &message.field {
            let name = format!("{}.{}", message.name(), field.name());
            writeln!(numbers, "{name:28}{}", field.number()).unwrap();
        }
    }
    captured(&file("contract-numbers.txt"), &numbers);
}

#[test]
fn a_click_is_json_of_two_fields() {
    let click = Click {
        id: "0191e2a4-7c1b-7000-8000-0000000000a1".to_owned(),
        code: "VcdWRhe".to_owned(),
    };
    let json = serde_json::to_string(&click).unwrap();
    captured(&file("contract-click.json"), &json);
    assert_eq!(serde_json::from_str::<Click>(&json).unwrap(), click);
}
