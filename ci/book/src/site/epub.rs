//! The book as an EPUB 3: the pages as the site has them, in XHTML, with pictures for what a script draws there.
//!
//! | module | what lives there |
//! |---|---|
//! | [`xhtml`] | a page of the site as a document of the book |
//! | [`diagrams`] | diagrams as pictures, drawn by the site's own library in Chromium |
//!
//! This file puts the parts together: the order of pages, the table of contents, the package.

mod diagrams;
mod xhtml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use mdbook_driver::MDBook;
use mdbook_preprocessor::book::BookItem;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{escape, links};
use crate::model::{Block, Origin};
use crate::run::Book;

const STYLE: &str = include_str!("epub/style.css");

/// What was written.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// Pages of the book in it.
    pub pages: usize,
    /// Pictures of diagrams.
    pub diagrams: usize,
    /// Its size.
    pub bytes: u64,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kilobytes = self.bytes.div_ceil(1000);
        write!(f, "{} pages, {} diagrams, {kilobytes} kB", self.pages, self.diagrams)
    }
}

/// A line of the table of contents.
struct Entry {
    name: String,
    /// The page's address in the EPUB. `None`: the name of a part.
    address: Option<String>,
    below: Vec<Entry>,
}

/// A file of the EPUB.
struct Part {
    name: String,
    kind: &'static str,
    properties: &'static str,
    bytes: Vec<u8>,
}

impl Part {
    fn document(name: &str, properties: &'static str, text: String) -> Part {
        Part {
            name: name.to_owned(),
            kind: "application/xhtml+xml",
            properties,
            bytes: text.into_bytes(),
        }
    }
}

/// Writes the EPUB of a site that was built from `book`.
///
/// # Errors
///
/// When the book has diagrams and there is no Chromium to draw them; when a link would lead nowhere; when a file cannot
/// be written.
pub fn write(book: &Book, site: &Path, file: &Path) -> Result<Made> {
    let md = MDBook::load(&book.root.path)?;
    let title = md.config.book.title.clone().unwrap_or_default();
    let language = md.config.book.language.clone().unwrap_or_else(|| "en".into());
    let mut order = Vec::new();
    let contents = entries(&md.book.items, &book.config.src, &mut order);
    let blocks: BTreeMap<String, Vec<&Block>> = book
        .pages
        .pages
        .iter()
        .map(|page| {
            (
                links::address_of(&book.config.src, &page.path),
                page.blocks.iter().collect(),
            )
        })
        .collect();
    let report = book.report();
    let drawn: Vec<&Block> = book
        .pages
        .pages
        .iter()
        .flat_map(|page| &page.blocks)
        .filter(|block| block.origin == Origin::Diagram)
        .collect();
    let scratch = book.root.scratch_dir("epub-")?;
    let pictures = diagrams::draw(
        scratch.path(),
        &drawn.iter().map(|b| b.text.as_str()).collect::<Vec<_>>(),
    )?;

    let mut parts = Vec::new();
    let mut diagrams = BTreeMap::new();
    for (i, (block, picture)) in drawn.iter().zip(pictures).enumerate() {
        let name = format!("diagrams/{}.png", i + 1);
        diagrams.insert((block.page.clone(), block.line), (name.clone(), picture.width));
        parts.push(picture_part(name, picture.png));
    }
    let inside: BTreeSet<String> = order.iter().map(|(_, html)| html.clone()).collect();
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut asked: Vec<(String, String)> = Vec::new();
    let mut answers = String::new();
    for (name, html) in &order {
        let text = std::fs::read_to_string(site.join(html)).with_context(|| format!("{html} cannot be read"))?;
        let empty = Vec::new();
        let figures = xhtml::Figures {
            blocks: blocks.get(html).unwrap_or(&empty),
            rows: &report.blocks,
            diagrams: &diagrams,
        };
        let made = xhtml::page(&text, html, &inside, &figures);
        for image in &made.images {
            if !parts.iter().any(|part| part.name == *image) {
                let bytes = std::fs::read(site.join(image)).with_context(|| format!("{image} cannot be read"))?;
                parts.push(picture_part(image.clone(), bytes));
            }
        }
        let address = xhtml::renamed(html);
        ids.insert(address.clone(), made.ids);
        asked.extend(made.links.into_iter().map(|link| (address.clone(), link)));
        if !made.answers.is_empty() {
            answers.push_str(&format!("<h2>{}</h2>\n{}", escape(name), made.answers));
        }
        parts.push(Part::document(
            &address,
            "",
            xhtml::document(&language, name, &address, &made.body),
        ));
    }
    dead_links(&ids, &asked)?;
    let mut contents = contents;
    if !answers.is_empty() {
        let name = "Answers";
        let body = format!("<h1>{name}</h1>\n{answers}");
        parts.push(Part::document(
            "answers.xhtml",
            "",
            xhtml::document(&language, name, "answers.xhtml", &body),
        ));
        contents.push(Entry {
            name: name.into(),
            address: Some("answers.xhtml".into()),
            below: Vec::new(),
        });
    }
    let spine: Vec<String> = parts
        .iter()
        .filter(|p| p.kind == "application/xhtml+xml")
        .map(|p| p.name.clone())
        .collect();
    parts.push(Part::document("nav.xhtml", "nav", nav(&language, &contents)));
    parts.push(Part {
        name: "style.css".into(),
        kind: "text/css",
        properties: "",
        bytes: STYLE.into(),
    });
    let cover: Option<String> = md.config.get("preprocessor.book.cover")?;
    if let Some(cover) = &cover {
        let bytes = std::fs::read(book.root.join(cover)).with_context(|| {
            format!("book.toml names the cover {cover}, and it cannot be read\n  fix: correct the name")
        })?;
        let mut part = picture_part(format!("cover.{}", suffix(cover)), bytes);
        part.properties = "cover-image";
        let body = format!(
            "<img class=\"cover\" src=\"{}\" alt=\"{}\"/>",
            part.name,
            escape(&title)
        );
        parts.push(part);
        parts.push(Part::document(
            "cover.xhtml",
            "",
            xhtml::document(&language, &title, "cover.xhtml", &body),
        ));
    }
    let package = package(
        &title,
        &language,
        md.config.book.description.as_deref(),
        &parts,
        &spine,
        cover.is_some(),
    );
    zip(file, &package, &parts)?;
    Ok(Made {
        pages: order.len(),
        diagrams: drawn.len(),
        bytes: std::fs::metadata(file)?.len(),
    })
}

fn picture_part(name: String, bytes: Vec<u8>) -> Part {
    let kind = match suffix(&name) {
        "svg" => "image/svg+xml",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        _ => "image/png",
    };
    Part {
        name,
        kind,
        properties: "",
        bytes,
    }
}

fn suffix(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

fn entries(items: &[BookItem], src: &str, order: &mut Vec<(String, String)>) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    // What follows the name of a part belongs to it.
    let mut part: Option<Entry> = None;
    for item in items {
        match item {
            BookItem::PartTitle(name) => {
                out.extend(part.take());
                part = Some(Entry {
                    name: name.clone(),
                    address: None,
                    below: Vec::new(),
                });
            }
            BookItem::Chapter(chapter) => {
                let html = chapter.source_path.as_ref().map(|path| {
                    links::address_of(src, &format!("{src}/{}", path.to_string_lossy().replace('\\', "/")))
                });
                if let Some(html) = &html {
                    order.push((chapter.name.clone(), html.clone()));
                }
                let entry = Entry {
                    name: chapter.name.clone(),
                    address: html.as_deref().map(xhtml::renamed),
                    below: entries(&chapter.sub_items, src, order),
                };
                match &mut part {
                    Some(part) => part.below.push(entry),
                    None => out.push(entry),
                }
            }
            BookItem::Separator => {}
        }
    }
    out.extend(part);
    out
}

fn dead_links(ids: &BTreeMap<String, BTreeSet<String>>, asked: &[(String, String)]) -> Result<()> {
    let mut dead = Vec::new();
    for (from, link) in asked {
        let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
        let known = ids.get(if path.is_empty() { from.as_str() } else { path });
        if known.is_none_or(|ids| !fragment.is_empty() && !ids.contains(fragment)) {
            dead.push(format!("{from}: {link} leads nowhere"));
        }
    }
    if !dead.is_empty() {
        bail!(
            "the EPUB would hold dead links:\n{}\n  fix: link to a page of the summary, or to a heading of it",
            dead.join("\n")
        );
    }
    Ok(())
}

fn nav(language: &str, contents: &[Entry]) -> String {
    let mut list = String::new();
    nav_list(contents, &mut list);
    let body = format!("<nav epub:type=\"toc\" id=\"toc\">\n<h1>Contents</h1>\n{list}</nav>");
    xhtml::document(language, "Contents", "nav.xhtml", &body)
}

fn nav_list(entries: &[Entry], out: &mut String) {
    out.push_str("<ol>\n");
    for entry in entries {
        let name = escape(&entry.name);
        match &entry.address {
            Some(address) => out.push_str(&format!("<li><a href=\"{}\">{name}</a>", super::encode(address))),
            None => out.push_str(&format!("<li><span>{name}</span>")),
        }
        if !entry.below.is_empty() {
            out.push('\n');
            nav_list(&entry.below, out);
        }
        out.push_str("</li>\n");
    }
    out.push_str("</ol>\n");
}

fn package(
    title: &str,
    language: &str,
    description: Option<&str>,
    parts: &[Part],
    spine: &[String],
    has_cover: bool,
) -> String {
    let id_of = |name: &str| {
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        format!("part-{name}")
    };
    let mut manifest = String::new();
    for part in parts {
        let properties = match part.properties {
            "" => String::new(),
            properties => format!(" properties=\"{properties}\""),
        };
        manifest.push_str(&format!(
            "<item id=\"{}\" href=\"{}\" media-type=\"{}\"{properties}/>\n",
            id_of(&part.name),
            super::encode(&part.name),
            part.kind
        ));
    }
    let first: &[String] = if has_cover {
        &["cover.xhtml".into(), "nav.xhtml".into()]
    } else {
        &["nav.xhtml".into()]
    };
    let itemrefs: String = first
        .iter()
        .chain(spine)
        .map(|name| format!("<itemref idref=\"{}\"/>\n", id_of(name)))
        .collect();
    let description = description
        .map(|text| format!("<dc:description>{}</dc:description>\n", escape(text)))
        .unwrap_or_default();
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <package xmlns=\"http://www.idpf.org/2007/opf\" version=\"3.0\" unique-identifier=\"book-id\" xml:lang=\"{language}\">\n\
         <metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n\
         <dc:identifier id=\"book-id\">{identifier}</dc:identifier>\n<dc:title>{title}</dc:title>\n\
         <dc:language>{language}</dc:language>\n{description}\
         <meta property=\"dcterms:modified\">{now}</meta>\n\
         <meta property=\"schema:accessMode\">textual</meta>\n<meta property=\"schema:accessMode\">visual</meta>\n\
         <meta property=\"schema:accessModeSufficient\">textual,visual</meta>\n\
         <meta property=\"schema:accessibilityFeature\">tableOfContents</meta>\n\
         <meta property=\"schema:accessibilityFeature\">structuralNavigation</meta>\n\
         <meta property=\"schema:accessibilityFeature\">alternativeText</meta>\n\
         <meta property=\"schema:accessibilityHazard\">none</meta>\n</metadata>\n\
         <manifest>\n{manifest}</manifest>\n<spine>\n{itemrefs}</spine>\n</package>\n",
        identifier = identifier(title),
        title = escape(title),
    )
}

/// The same book has the same name in each edition: a UUID made of its title.
fn identifier(title: &str) -> String {
    let mut bytes: Vec<u8> = Sha256::digest(title.as_bytes())[..16].to_vec();
    // Version 8: made by a rule of our own.
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

const CONTAINER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <container version=\"1.0\" xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\">\n<rootfiles>\n\
    <rootfile full-path=\"OEBPS/package.opf\" media-type=\"application/oebps-package+xml\"/>\n</rootfiles>\n</container>\n";

/// A reader knows an EPUB by its first file, which therefore is not compressed.
fn zip(file: &Path, package: &str, parts: &[Part]) -> Result<()> {
    if let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    // Whole or not at all: an EPUB that stands there stays until this one is written.
    let aside = file.with_extension("epub-part");
    let mut zip =
        ZipWriter::new(File::create(&aside).with_context(|| format!("{} cannot be written", aside.display()))?);
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut add = |name: &str, options, bytes: &[u8]| -> Result<()> {
        zip.start_file(name, options)?;
        Ok(zip.write_all(bytes)?)
    };
    add("mimetype", stored, b"application/epub+zip")?;
    add("META-INF/container.xml", packed, CONTAINER.as_bytes())?;
    add("OEBPS/package.opf", packed, package.as_bytes())?;
    for part in parts {
        add(&format!("OEBPS/{}", part.name), packed, &part.bytes)?;
    }
    zip.finish()?;
    std::fs::rename(&aside, file).with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
#[path = "epub/tests.rs"]
mod tests;
