//! Output that a page shows against output that a command printed, line by line.
//!
//! A line `...` stands for any lines, also none. One table of least costs says both whether the two are the same and
//! how to make the page right with the fewest lines changed.

use super::matchers::Matchers;

/// The line that stands for any lines.
pub const ANY: &str = "...";

/// Above this, comparing costs more than a page's output can be worth.
const LARGEST: usize = 20_000_000;

/// What a comparison found.
#[derive(Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The page shows what was printed.
    Same,
    /// It does not.
    Differs {
        /// The first line of the page's output that is wrong, from 0; one past its end when more was printed.
        first: usize,
        /// What the page should show: its own lines where they are right, printed ones elsewhere.
        merged: Vec<String>,
    },
    /// Too many lines to compare.
    TooLong,
}

/// Compares; neither side has blanks at the ends of lines nor empty lines at its end.
pub fn compare(shown: &[String], printed: &[String], matchers: &Matchers) -> Comparison {
    if shown == printed {
        return Comparison::Same;
    }
    let (n, m) = (shown.len(), printed.len());
    if (n + 1).saturating_mul(m + 1) > LARGEST {
        return Comparison::TooLong;
    }
    let left: Vec<String> = shown.iter().map(|l| matchers.normal(l)).collect();
    let right: Vec<String> = printed.iter().map(|l| matchers.normal(l)).collect();
    let any: Vec<bool> = shown.iter().map(|l| l.trim() == ANY).collect();
    // cost[i][j]: the fewest lines to change so that shown[i..] stands for printed[j..].
    let width = m + 1;
    let mut cost = vec![0u32; (n + 1) * width];
    for i in (0..=n).rev() {
        for j in (0..=m).rev() {
            let at = |i: usize, j: usize| cost[i * width + j];
            cost[i * width + j] = if i == n {
                (m - j) as u32
            } else if any[i] {
                if j == m {
                    at(i + 1, j)
                } else {
                    at(i + 1, j).min(at(i, j + 1))
                }
            } else if j == m {
                1 + at(i + 1, j)
            } else {
                let change = u32::from(left[i] != right[j]) + at(i + 1, j + 1);
                change.min(1 + at(i + 1, j)).min(1 + at(i, j + 1))
            };
        }
    }
    let at = |i: usize, j: usize| cost[i * width + j];
    if at(0, 0) == 0 {
        return Comparison::Same;
    }
    let (mut i, mut j) = (0, 0);
    let (mut first, mut merged) = (None, Vec::new());
    while i < n || j < m {
        let here = at(i, j);
        if i < n && any[i] {
            if here == at(i + 1, j) {
                merged.push(shown[i].clone());
                i += 1;
            } else {
                j += 1;
            }
            continue;
        }
        if i < n && j < m && left[i] == right[j] && here == at(i + 1, j + 1) {
            merged.push(shown[i].clone());
            (i, j) = (i + 1, j + 1);
            continue;
        }
        first.get_or_insert(i);
        if i < n && j < m && here == 1 + at(i + 1, j + 1) {
            merged.push(printed[j].clone());
            (i, j) = (i + 1, j + 1);
        } else if i < n && here == 1 + at(i + 1, j) {
            i += 1;
        } else {
            merged.push(printed[j].clone());
            j += 1;
        }
    }
    Comparison::Differs {
        first: first.unwrap_or(0),
        merged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn against(shown: &str, printed: &str) -> Comparison {
        compare(&lines(shown), &lines(printed), &Matchers::of("duration").unwrap())
    }

    fn differs(first: usize, merged: &str) -> Comparison {
        Comparison::Differs {
            first,
            merged: lines(merged),
        }
    }

    #[test]
    fn equal_lines_and_elided_ones_are_the_same() {
        for (shown, printed) in [
            ("", ""),
            ("a b", "a b"),
            ("a 3ms", "a 4ms"),
            ("...", ""),
            ("...", "a b"),
            ("a ... d", "a b c d"),
            ("a ... d", "a d"),
            ("... d", "a d c d"),
            ("a ... b ... c", "a x b y b z c"),
        ] {
            assert_eq!(against(shown, printed), Comparison::Same, "{shown} | {printed}");
        }
    }

    #[test]
    fn a_difference_is_where_it_is_and_the_rest_stays() {
        for (shown, printed, first, merged) in [
            ("a b c", "a x c", 1, "a x c"),
            ("a", "a b", 1, "a b"),
            ("a b", "a", 1, "a"),
            ("", "a", 0, "a"),
            ("a", "", 0, ""),
            ("a 3ms b", "a 4ms c", 2, "a 3ms c"),
            ("a ... d", "a b c e", 2, "a ... e"),
            ("a ... d", "x b c d", 0, "x ... d"),
            ("a b ... c d", "a b x y d", 3, "a b ... y d"),
            ("... c", "a b", 1, "... b"),
        ] {
            assert_eq!(against(shown, printed), differs(first, merged), "{shown} | {printed}");
        }
    }

    #[test]
    fn too_much_is_said_to_be_too_much() {
        let many = vec!["x".to_owned(); 5000];
        let mut other = many.clone();
        other[0] = "y".into();
        assert_eq!(compare(&many, &other, &Matchers::default()), Comparison::TooLong);
        assert_eq!(compare(&many, &many, &Matchers::default()), Comparison::Same);
    }
}
