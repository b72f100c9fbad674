//! Diagrams as pictures: headless Chromium runs the library that the site ships, once for all diagrams.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use serde::Deserialize;

use super::super::mermaid;

/// A diagram that has been drawn.
pub(super) struct Picture {
    pub(super) png: Vec<u8>,
    /// The width that it is meant to be shown at; it has twice as many pixels.
    pub(super) width: u32,
}

#[derive(Deserialize)]
struct Drawn {
    #[serde(default)]
    error: String,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    png: String,
}

/// How long the browser may take for all diagrams together.
const BUDGET: Duration = Duration::from_secs(120);

const DRAW: &str = include_str!("draw.js");

/// Draws diagrams, in the same order. `scratch` is an empty folder.
pub(super) fn draw(scratch: &Path, diagrams: &[&str]) -> Result<Vec<Picture>> {
    if diagrams.is_empty() {
        return Ok(Vec::new());
    }
    let (_, browser) = book_setup::browser::chromium().ok_or_else(|| {
        anyhow!(
            "the book has {} diagrams, and there is no Chromium to draw them for the EPUB\n  \
             fix: cargo book setup --lane browser, or set CHROMIUM to a Chromium's or Chrome's path",
            diagrams.len()
        )
    })?;
    mermaid::write(&scratch.join(mermaid::FILE))?;
    // A closing tag in a diagram's text would end the script.
    let texts = serde_json::to_string(diagrams)?.replace('<', "\\u003c");
    let page = scratch.join("draw.html");
    std::fs::write(
        &page,
        format!(
            "<!DOCTYPE html><meta charset=\"utf-8\"><title>drawing</title><body><script src=\"{}\"></script>\
             <script>const diagrams = {texts};\n{DRAW}</script></body>",
            mermaid::FILE
        ),
    )?;
    let dom = dump(&browser, scratch, &page)?;
    let json = dom
        .split_once("<pre id=\"drawn\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"))
        .map(|(json, _)| json.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
        .ok_or_else(|| {
            anyhow!(
                "{} drew no diagram\n  fix: try another Chromium, by CHROMIUM",
                browser.display()
            )
        })?;
    let drawn: Vec<Drawn> = serde_json::from_str(&json)?;
    if drawn.len() != diagrams.len() {
        bail!("{} of {} diagrams were drawn", drawn.len(), diagrams.len());
    }
    drawn
        .into_iter()
        .zip(diagrams)
        .map(|(drawn, text)| {
            if !drawn.error.is_empty() {
                bail!("a diagram cannot be drawn: {}\n{text}", drawn.error);
            }
            let png = base64::engine::general_purpose::STANDARD.decode(drawn.png)?;
            Ok(Picture {
                png,
                width: drawn.width,
            })
        })
        .collect()
}

/// The page's DOM when all its scripts have ended.
fn dump(browser: &Path, scratch: &Path, page: &Path) -> Result<String> {
    let out = scratch.join("dom.html");
    let said = scratch.join("said.txt");
    let mut child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--virtual-time-budget=60000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", scratch.join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out)?)
        .stderr(std::fs::File::create(&said)?)
        .spawn()
        .with_context(|| {
            format!(
                "{} does not start\n  fix: set CHROMIUM to a Chromium's path",
                browser.display()
            )
        })?;
    let end = Instant::now() + BUDGET;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            bail!(
                "{} took longer than {} s to draw the diagrams",
                browser.display(),
                BUDGET.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if !status.success() {
        let said = std::fs::read_to_string(&said).unwrap_or_default();
        bail!(
            "{} failed: {}",
            browser.display(),
            said.lines().last().unwrap_or_default()
        );
    }
    Ok(std::fs::read_to_string(&out)?)
}
