//! What it costs to make overviews: time, time of processors, memory.

use std::hint::black_box;
use std::io::{Error, Result};
use std::time::{Duration, Instant};

use crate::render::overview;

// ANCHOR: measure
/// The time in which so many threads at once make so many overviews,
/// and the time of processors that they use up.
pub fn cost(threads: usize, count: usize) -> Result<[Duration; 2]> {
    let (start, before) = (Instant::now(), used()?.0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..count / threads {
                    black_box(overview());
                }
            });
        }
    });
    Ok([start.elapsed(), used()?.0 - before])
}
// ANCHOR_END: measure

/// Ticks per second in which Linux counts the time of processes.
const TICKS: u64 = 100;

/// What this process has used so far: time of processors, and the most
/// memory at once, in kilobytes of 1024 bytes.
pub fn used() -> Result<(Duration, u64)> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    parsed(&stat, &status)
        .ok_or_else(|| Error::other("Linux says it in another way"))
}

/// Fields 14 and 15 of the one, and the line VmHWM of the other: see
/// proc_pid_stat(5) and proc_pid_status(5).
fn parsed(stat: &str, status: &str) -> Option<(Duration, u64)> {
    // The second field is a name, and may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let (user, system) = (fields.next()?, fields.next()?);
    let ticks =
        user.parse::<u64>().ok()? + system.parse::<u64>().ok()?;
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let peak = peak.split_whitespace().next()?.parse().ok()?;
    Some((Duration::from_millis(ticks * 1000 / TICKS), peak))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_read() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 30 12 13 14";
        let parsed = parsed(stat, "VmPeak: 9 kB\nVmHWM:\t 5 kB\n");
        assert_eq!(parsed, Some((Duration::from_millis(420), 5)));
        assert_eq!(super::parsed("7 (a) S 1", "VmHWM: 5 kB"), None);
        assert_eq!(super::parsed(stat, "VmPeak: 9 kB"), None);
    }
}
