//! What of a shell session a reader would paste: its commands, without prompts and without output.
//!
//! The verifier asks bash itself whether a command is finished. Here a page is drawn, many times a minute while
//! somebody writes: a look at the text has to do, and a line too many or too few in the clipboard is all it can cost.

/// The commands of a session, each ended by a line break except the last.
pub(super) fn commands(text: &str) -> String {
    let mut commands: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        if is_open && let Some(command) = commands.last_mut() {
            let more = line
                .strip_prefix("> ")
                .or_else(|| (line == ">").then_some(""))
                .unwrap_or(line);
            command.push('\n');
            command.push_str(more);
            is_open = is_unfinished(command);
        } else if let Some(command) = line.strip_prefix("$ ") {
            commands.push(command.to_owned());
            is_open = is_unfinished(command);
        }
    }
    commands.join("\n")
}

/// Whether a shell would ask for more: an open quote, a heredoc, a backslash, an operator or a compound at the end.
fn is_unfinished(command: &str) -> bool {
    if let Some(end) = heredoc(command) {
        return !command.lines().skip(1).any(|line| line.trim_start_matches('\t') == end);
    }
    let mut quote = None;
    let mut chars = command.chars();
    let mut open = 0i32;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None | Some('"'), '\\') => {
                let escaped = chars.next();
                let at_end = chars.as_str().is_empty();
                if escaped.is_none_or(|c| c == '\n' && at_end) {
                    return true;
                }
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            (None, '(' | '{') => open += 1,
            (None, ')' | '}') => open -= 1,
            _ => {}
        }
    }
    let words: Vec<&str> = command
        .split(|c: char| c.is_whitespace() || c == ';')
        .filter(|w| !w.is_empty())
        .collect();
    let count = |all: &[&str]| words.iter().filter(|w| all.contains(w)).count();
    let last = words.last().copied().unwrap_or_default();
    // `for` and `if` are words of English too: only a command that begins with one is a compound.
    let compound = words
        .first()
        .is_some_and(|w| ["for", "while", "until", "if", "case"].contains(w));
    let ends = count(&["done", "fi", "esac"]);
    quote.is_some()
        || open > 0
        || ["|", "||", "&&"].contains(&last)
        || last.ends_with("&&")
        || last.ends_with('|')
        || (compound && count(&["for", "while", "until", "if", "case"]) > ends)
}

/// The word that ends a command's heredoc.
fn heredoc(command: &str) -> Option<String> {
    let first = command.lines().next()?;
    let (before, rest) = first.split_once("<<")?;
    // `<<<` is a here-string; within quotes it is text.
    if rest.starts_with('<') || before.matches('\'').count() % 2 == 1 || before.matches('"').count() % 2 == 1 {
        return None;
    }
    let word: String = rest
        .trim_start_matches('-')
        .trim_start()
        .trim_start_matches(['\'', '"', '\\'])
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_are_pasted() {
        for (session, pasted) in [
            ("$ a\nout\n$ b\n", "a\nb"),
            ("$ curl -v x\n> GET / HTTP/1.1\n< 200\n", "curl -v x"),
            (
                "$ docker run \\\n>   -d \\\n>   x\nabc\n",
                "docker run \\\n  -d \\\n  x",
            ),
            ("$ docker run \\\n    x\nabc\n", "docker run \\\n    x"),
            (
                "$ cat > f <<'EOF'\n> one\n\n$ two\nEOF\nout\n$ b\n",
                "cat > f <<'EOF'\none\n\n$ two\nEOF\nb",
            ),
            ("$ echo 'a\nb'\na\nb\n", "echo 'a\nb'"),
            ("$ a |\n> b\nc\n", "a |\nb"),
            (
                "$ for i in 1 2; do\n>   echo $i\n> done\n1\n2\n",
                "for i in 1 2; do\n  echo $i\ndone",
            ),
            ("$ cat <<< x\nx\n", "cat <<< x"),
            ("$ echo it\\'s done\nit's done\n", "echo it\\'s done"),
            ("$ wait for it\nno\n", "wait for it"),
            ("$ f() {\n> a\n> }\n", "f() {\na\n}"),
            ("out\n", ""),
        ] {
            assert_eq!(commands(session), pasted, "{session}");
        }
    }
}
