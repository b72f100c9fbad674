//! How long a request may take.

use std::time::Duration;

use tonic::metadata::MetadataMap;

/// Taken from what a client allows, for the way back: it does not listen
/// any more when its time is over.
const WAY_BACK: Duration = Duration::from_millis(20);

// ANCHOR: budget
/// The shorter of what the client allows, in the header
/// `grpc-timeout`, and of what the server does.
pub(super) fn of(
    metadata: &MetadataMap,
    longest: Duration,
) -> Duration {
    let header = metadata.get("grpc-timeout");
    let header = header.and_then(|value| value.to_str().ok());
    match header.and_then(timeout) {
        Some(allowed) => {
            let way_back = WAY_BACK.min(allowed / 5);
            longest.min(allowed - way_back)
        }
        None => longest,
    }
}
// ANCHOR_END: budget

/// A header like `250m`; gRPC over HTTP/2 has six units.
fn timeout(header: &str) -> Option<Duration> {
    let (value, unit) =
        header.split_at_checked(header.len().checked_sub(1)?)?;
    let digits = (1..=8).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_digit());
    let value: u64 = digits.then(|| value.parse().ok())??;
    Some(match unit {
        "H" => Duration::from_secs(value * 3600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_units_are_read_and_nothing_else() {
        for (header, expected) in [
            ("2H", Some(Duration::from_secs(7200))),
            ("3M", Some(Duration::from_secs(180))),
            ("4S", Some(Duration::from_secs(4))),
            ("250m", Some(Duration::from_millis(250))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("0n", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("5", None),
            ("5s", None),
            ("-5S", None),
            ("+5S", None),
            ("100000000S", None),
            ("5é", None),
        ] {
            assert_eq!(timeout(header), expected, "{header}");
        }
    }

    #[test]
    fn the_shorter_time_holds_less_the_way_back() {
        let longest = Duration::from_secs(5);
        for (header, expected) in [
            (None, longest),
            (Some("nonsense"), longest),
            (Some("1H"), longest),
            (Some("1S"), Duration::from_millis(980)),
            (Some("50m"), Duration::from_millis(40)),
            (Some("0n"), Duration::ZERO),
        ] {
            let mut metadata = MetadataMap::new();
            if let Some(header) = header {
                let value = header.parse().unwrap();
                metadata.insert("grpc-timeout", value);
            }
            assert_eq!(of(&metadata, longest), expected, "{header:?}");
        }
    }
}
