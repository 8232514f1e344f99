//! Links: in Markdown they lead to files and headings, in pages to files and parts of the page.

use std::collections::{BTreeSet, HashMap};

use super::tree::{File, at, files, none, root};

/// What pages may point at that is no file of `web/`: the server answers it, or the build fetches it.
const ANSWERED: [&str; 6] = ["/vendor/", "/events", "/ws", "/api/", "/health/", "/metrics"];

#[test]
fn links_in_texts_lead_somewhere() {
    let anchors: HashMap<_, _> = files(&["md"])
        .into_iter()
        .map(|file| (file.path, anchors(&file.text)))
        .collect();
    let mut found = Vec::new();
    for File { path, text } in files(&["md"]) {
        for (index, link) in markdown_links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => path.clone(),
                _ => match beside(&path, file) {
                    Some(target) => target,
                    None => {
                        found.push(at(&path, index, &format!("{link}: there is no such file")));
                        continue;
                    }
                },
            };
            if !anchor.is_empty() && !anchors.get(&target).is_some_and(|known| known.contains(anchor)) {
                found.push(at(&path, index, &format!("{link}: {target} has no heading #{anchor}")));
            }
        }
    }
    none("links in Markdown lead somewhere", &found);
}

#[test]
fn links_in_pages_lead_somewhere() {
    let mut found = Vec::new();
    let missing = |page: &str, link: &str| {
        let path = link.split(['?', '#']).next().unwrap_or_default();
        match path {
            "" | "/" => false,
            _ if ANSWERED.iter().any(|known| path.starts_with(known)) => false,
            _ => match path.strip_prefix('/') {
                Some(path) => !root().join("web").join(path).is_file(),
                None => beside(page, path).is_none(),
            },
        }
    };
    for File { path, text } in files(&["html"]) {
        for (index, line) in text.lines().enumerate() {
            for link in attributes(line, &["href", "src", "data-file"]).filter(|link| !is_elsewhere(link)) {
                let id = link.strip_prefix('#').map(|id| format!("id=\"{id}\""));
                if missing(&path, &link) || id.is_some_and(|id| !text.contains(&id)) {
                    found.push(at(&path, index, &format!("{link}: there is nothing there")));
                }
            }
        }
    }
    // Scripts name files as whole strings.
    for File { path, text } in files(&["js"])
        .into_iter()
        .filter(|file| !file.path.starts_with("web/test/"))
    {
        for (index, line) in text.lines().enumerate() {
            for link in line.split(['\'', '"', '`']) {
                let is_file = [".html", ".js", ".css", ".svg"]
                    .iter()
                    .any(|ending| link.ends_with(ending));
                if is_file && link.starts_with('/') && !link.contains([' ', '*', '$']) && missing(&path, link) {
                    found.push(at(&path, index, &format!("{link}: there is no such file in web/")));
                }
            }
        }
    }
    none("no page points at what does not exist", &found);
}

fn is_elsewhere(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

/// The path of what `link` names as seen from the file `path`, if it exists.
fn beside(path: &str, link: &str) -> Option<String> {
    let mut parts: Vec<_> = path.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    let target = parts.join("/");
    root().join(&target).exists().then_some(target)
}

/// The values of these attributes in a line of HTML.
fn attributes<'a>(line: &'a str, names: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    names.iter().flat_map(move |name| {
        let values = line.split(&format!("{name}=\"")).skip(1).collect::<Vec<_>>();
        values
            .into_iter()
            .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
    })
}

/// The lines of a Markdown text that are prose, without code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The links of a Markdown text that stay in this tree, with their lines.
fn markdown_links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in prose(text) {
        let plain: String = line.split('`').step_by(2).collect(); // every second part is code
        let inline = plain.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let inline = inline.filter_map(|link| link.split(' ').next()).map(str::to_owned);
        let links = inline.chain(attributes(&plain, &["src", "srcset", "href"]));
        found.extend(links.filter(|link| !is_elsewhere(link)).map(|link| (index, link)));
    }
    found
}

/// The anchors of a Markdown text's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (_, line) in prose(text) {
        let Some((_, title)) = line
            .split_once("# ")
            .filter(|(marks, _)| marks.chars().all(|c| c == '#'))
        else {
            continue;
        };
        let kept = title.trim().to_lowercase().replace(' ', "-");
        let slug: String = kept
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
            .collect();
        let copies = (1..).map(|copy| format!("{slug}-{copy}"));
        let free = std::iter::once(slug.clone())
            .chain(copies)
            .find(|slug| !all.contains(slug));
        all.extend(free);
    }
    all
}
