//! Fetches uPlot for the embedded pages: `npm ci` in `OUT_DIR`, never in the checkout.
//!
//! uPlot is an npm dependency pinned by `web/package-lock.json`, not a copy in the tree. Without Node, or without a
//! registry, the build goes on: the pages then show their tables without plots, and one warning says so.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where the files that the pages import come from, and what they are called under `/vendor/`.
const VENDOR: [(&str, &str); 3] = [
    ("uplot/dist/uPlot.esm.js", "uplot.js"),
    ("uplot/dist/uPlot.min.css", "uplot.css"),
    ("uplot/LICENSE", "uplot.license.txt"),
];

fn main() {
    let manifest_dir = variable("CARGO_MANIFEST_DIR");
    let root = manifest_dir.join("../..");
    let out = variable("OUT_DIR");
    watch(&root);
    if let Err(why) = fetch(&root, &out) {
        println!(
            "cargo::warning=the pages will show their tables without plots, since uPlot could not be had: {why}. \
             For the plots, install Node.js 20 or newer with npm, then touch web/package.json and build again."
        );
    }
}

/// Has cargo run this again when a page, the lock or the npm configuration changes.
///
/// Pages are named one by one, and folders without `test` and `node_modules`, which change without concerning us.
/// A page that is new at the top is seen because the others link to it.
fn watch(root: &Path) {
    let web = root.join("web");
    println!("cargo::rerun-if-changed=build.rs");
    for entry in fs::read_dir(web).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if let Some(name) = name
            .to_str()
            .filter(|name| !matches!(*name, "test" | "node_modules" | "tsconfig.json"))
        {
            println!("cargo::rerun-if-changed=../../web/{name}");
        }
    }
}

/// Fills `OUT_DIR/vendor`, or leaves it empty.
fn fetch(root: &Path, out: &Path) -> Result<(), String> {
    let vendor = out.join("vendor");
    let said = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
    fs::create_dir_all(&vendor).map_err(said("the folder for it cannot be made"))?;

    let npm = out.join("npm");
    fs::create_dir_all(&npm).map_err(said("the folder for npm cannot be made"))?;
    let mut wanted = Vec::new();
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        let text =
            fs::read(root.join("web").join(name)).map_err(|error| format!("web/{name} cannot be read: {error}"))?;
        fs::write(npm.join(name), &text).map_err(said("npm's files cannot be copied"))?;
        wanted.extend(text);
    }
    // The same lock gave the same files: nothing to ask the registry for.
    let stamp = out.join("vendor.stamp");
    if fs::read(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    // What an older lock left, the stamp first: without it, files that are missing are asked for again.
    for old in [stamp.clone()]
        .into_iter()
        .chain(VENDOR.map(|(_, name)| vendor.join(name)))
    {
        let _ = fs::remove_file(old);
    }
    install(&npm)?;
    for (from, name) in VENDOR {
        let copied = fs::copy(npm.join("node_modules").join(from), vendor.join(name));
        copied.map_err(|error| format!("the package has no {from}: {error}"))?;
    }
    fs::write(stamp, wanted).map_err(said("the stamp cannot be written"))
}

fn install(folder: &Path) -> Result<(), String> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let run = Command::new(npm)
        .args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"])
        // A build without a network should say so soon.
        .args(["--fetch-retries=1", "--fetch-timeout=30000"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    match run {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            let line = text
                .lines()
                .find(|line| line.contains("error"))
                .unwrap_or("npm says nothing more")
                .trim();
            Err(format!("npm ci failed ({}): {line}", output.status))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err("there is no npm on this machine".into()),
        Err(error) => Err(format!("npm cannot be started: {error}")),
    }
}

fn variable(name: &str) -> PathBuf {
    env::var_os(name).expect("cargo sets it for every build script").into()
}
