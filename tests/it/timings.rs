//! `--timings`: the page, opened in a browser.

use std::path::Path;
use std::process::Command;

use git_wtcheck::checks::Check;
use git_wtcheck::report::timings::Timings;
use git_wtcheck::report::{Reporter, Reports};
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

use crate::support::machine::{Given, Script, carry_out};
use crate::support::plans::{check, ms, plan};
use crate::support::{TestRepo, has};

/// How many rows the tables show at first.
const SHOWN: usize = 25;

/// A page as the browser has it once its script has run.
struct Page(Html);

impl Page {
    /// Opens a file. Whatever the browser has to complain of fails the test.
    fn open(file: &Path, view: &str) -> Self {
        let own = tempfile::tempdir().expect("a folder");
        let mut address = String::from("file://");
        for byte in file.as_os_str().as_encoded_bytes() {
            address.push_str(&match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' => char::from(*byte).to_string(),
                byte => format!("%{byte:02X}"),
            });
        }
        let output = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"])
            .args(["--enable-logging=stderr", "--window-size=1400,900", "--dump-dom"])
            .arg(format!("--user-data-dir={}", own.path().display()))
            .arg(address + view)
            .env("HOME", own.path())
            .output()
            .expect("chromium");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let complaints: Vec<_> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(output.status.success(), "{said}");
        assert!(complaints.is_empty(), "{complaints:#?}");
        Self(Html::parse_document(&String::from_utf8_lossy(&output.stdout)))
    }

    fn all(&self, selector: &str) -> Vec<ElementRef<'_>> {
        self.0.select(&Selector::parse(selector).expect("a selector")).collect()
    }

    fn texts(&self, selector: &str) -> Vec<String> {
        self.all(selector).into_iter().map(|element| element.text().collect()).collect()
    }

    /// The rows of a table's body, each with the texts of its cells.
    fn rows(&self, table: &str) -> Vec<Vec<String>> {
        let cells = Selector::parse("td").expect("a selector");
        let rows = self.all(&format!("#{table} tbody tr"));
        rows.iter().map(|row| row.select(&cells).map(|cell| cell.text().collect()).collect()).collect()
    }
}

/// Every attempt that a JSON report has: worktree, check, number, outcome, start and end.
fn attempts(json: &Value) -> Vec<(String, String, u64, String, f64, f64)> {
    let mut all = Vec::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let number = |value: &Value| value.as_f64().expect("a number");
    for worktree in list(&json["worktrees"]) {
        for unit in list(&worktree["checks"]) {
            for one in list(&unit["attempts"]) {
                let (start, took) = (number(&one["started_ms"]), number(&one["duration_ms"]));
                let count = one["number"].as_u64().expect("a number");
                let name = text(&worktree["name"]);
                all.push((name, text(&unit["check"]), count, text(&one["outcome"]), start, start + took));
            }
        }
    }
    all
}

/// Every unit that a JSON report has.
fn units(json: &Value) -> impl Iterator<Item = &Value> {
    json["worktrees"].as_array().into_iter().flatten().flat_map(|one| one["checks"].as_array().into_iter().flatten())
}

/// Nothing that a browser would fetch, and nothing but text made of what the page was given.
#[track_caller]
fn is_self_contained(page: &str) {
    let (before, rest) = page.split_once("id=\"data\">").expect("data");
    let (_, after) = rest.split_once("</script>").expect("an end of the data");
    let page = [before, after].concat().replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "//cdn", " src=", "url(", "@import", "fetch(", "innerHTML", "eval("] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn the_page_of_a_run_in_a_browser() {
    if !has("chromium") {
        return;
    }
    let origin = TestRepo::new();
    // Markup in what the page names: a folder's path can end a script, where nothing keeps it from doing so.
    let folder = "../</script><img src=x onerror='document.title=1'>";
    origin.git(&["clone", "--quiet", ".", folder]);
    let hostile = ["&lt;b&gt;-<b>-&amp;\u{2028}", "--><!--${1}`\\u003c", "plain"];
    for name in hostile {
        origin.git_in(
            folder,
            &["worktree", "add", "--quiet", "--detach", &format!("{}/{name}", origin.root().display())],
        );
    }
    let set = |key: &str, value: &str| drop(origin.git_in(folder, &["config", key, value]));
    set("wtcheck.flaky.command", "[ $WTCHECK_ATTEMPT = 2 ]");
    set("wtcheck.flaky.retries", "1");
    set("wtcheck.flaky.retryDelay", "20ms");
    set("wtcheck.slow.command", "sleep 60");
    set("wtcheck.slow.timeout", "100ms");
    set("wtcheck.late.command", "true");
    set("wtcheck.late.when", "slow.outcome != 'passed'");
    set("wtcheck.bad.command", "exit 3");
    let args = ["-j2", "--output=json=../report.json", "--timings=../page.html"];
    let run = origin.wtcheck_in(folder, &args);
    run.exits(1).says("timings: ").says("/page.html\n");
    let folder = origin.at(folder);
    let beside = |name: &str| folder.parent().expect("a folder").join(name);
    let json: Value = serde_json::from_slice(&std::fs::read(beside("report.json")).expect("a report")).expect("JSON");
    let text = std::fs::read_to_string(beside("page.html")).expect("a page");
    is_self_contained(&text);
    let ran = attempts(&json);
    assert!(ran.len() > 20, "{json:#}");

    let places = Page::open(&beside("page.html"), "");
    // Nothing of what a run names became markup.
    assert_eq!((places.all("script").len(), places.all("img").len(), places.all("b > b, div > b").len()), (2, 0, 0));
    assert_eq!(places.texts("title").first().map(String::as_str), Some("git wtcheck: timings"));
    let about = places.texts("#about").concat();
    assert!(about.contains("</script><img src=x onerror='document.title=1'>/.git"), "{about}");
    // A bar for each attempt, in its outcome's kind, that says what it is.
    assert_eq!(places.all("rect.bar").len(), ran.len());
    for outcome in ["passed", "failed", "timed_out"] {
        let expected = ran.iter().filter(|one| one.3 == outcome).count();
        assert!(expected > 0, "{outcome}");
        assert_eq!(places.all(&format!("rect.bar.{outcome}")).len(), expected, "{outcome}");
    }
    let told = places.texts("rect.bar title");
    assert!(
        told.iter().any(|told| told.starts_with("plain: flaky\nattempt 1 of 2: failed\nexit status 1\n")),
        "{told:#?}"
    );
    // Why an attempt was a process of git's, and which were none.
    let said = |line: &str| told.iter().filter(|told| told.contains(line)).count();
    let answered = |key: &str, value: &Value| units(&json).filter(|unit| &unit[key] == value).count();
    assert_eq!(said("\nanswered by: batch\n"), answered("source", &Value::from("batch")));
    let (proven, asked) = (said("\nanswered by: proof\n"), said("\ngit was asked: "));
    assert_eq!(proven, answered("source", &Value::from("proof")));
    assert_eq!(proven + asked, json["worktrees"].as_array().expect("worktrees").len());
    assert_eq!(places.texts("#names div"), ["place 1", "place 2"]);
    // No two bars on one place lie over each other.
    let number =
        |bar: &ElementRef<'_>, name: &str| bar.attr(name).and_then(|text| text.parse::<f64>().ok()).expect("a number");
    let mut bars: Vec<_> =
        places.all("rect.bar").iter().map(|bar| (number(bar, "y"), number(bar, "x"), number(bar, "width"))).collect();
    bars.sort_by(|one, other| one.partial_cmp(other).expect("numbers"));
    for pair in bars.windows(2) {
        // What is too short to be seen is drawn a little wider than it is.
        assert!(pair[0].0 < pair[1].0 || pair[0].1 + pair[0].2.max(1.5) - 1.6 <= pair[1].1, "{pair:?}");
    }
    // The path ends with what ended last.
    let path = places.rows("path");
    let last = ran.iter().max_by(|one, other| one.5.total_cmp(&other.5)).expect("attempts");
    let step = path.last().expect("a path");
    assert_eq!((&step[2], &step[3]), (&last.1, &format!("{} of {}", last.2, if last.1 == "flaky" { 2 } else { 1 })));
    assert_eq!(path[0][7], "the run's start");
    assert_eq!(places.all("rect.bar.critical").len(), path.len());
    // The slowest come first.
    let slowest = places.rows("slowest");
    let slow: Vec<_> =
        slowest.iter().map(|row| row[1].as_str()).filter(|check| ["slow", "log"].contains(check)).collect();
    assert_eq!(slow[..4], ["slow"; 4], "{slowest:#?}");
    assert_eq!(slowest.len(), json["worktrees"].as_array().expect("worktrees").len() * 6, "all but diff");
    assert!(slowest.len() <= SHOWN);

    let worktrees = Page::open(&beside("page.html"), "#worktrees");
    let names: Vec<_> =
        json["worktrees"].as_array().expect("worktrees").iter().map(|one| one["name"].as_str()).collect();
    let shown = worktrees.texts("#names div");
    let expected: Vec<_> = names.iter().flatten().map(|name| name.replace('\u{2028}', "\u{fffd}")).collect();
    assert_eq!(shown, expected);
    assert_eq!(worktrees.all("rect.bar").len(), ran.len());
    let waits = ran.iter().filter(|one| one.2 == 2).count();
    assert_eq!(worktrees.all("line.wait:not(.due)").len(), waits);
}

#[tokio::test(start_paused = true)]
async fn the_page_of_a_thousand_units() {
    if !has("chromium") {
        return;
    }
    let checks = (0..4).map(|index| Check {
        retries: 2,
        needs: if index == 3 { vec!["c0".to_owned()] } else { Vec::new() },
        ..check(&format!("c{index}"))
    });
    let mut plan = plan(250, checks.collect());
    plan.max_concurrency = 8;
    let story = carry_out(plan, Given::default(), |ask| {
        let length = ms(10 + (ask.place() as u64 * 7919) % 90);
        if ask.place() % 3 == 0 { Script::fails(length) } else { Script::passes(length) }
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("page.html");
    let out = Box::new(std::fs::File::create(&file).expect("a file"));
    let reporter: Box<dyn Reporter> = Box::new(Timings::new(out, jiff::Timestamp::UNIX_EPOCH));
    let mut reports = Reports::new(vec![reporter], false);
    story.events.iter().for_each(|event| reports.event(event));
    let attempts: usize = reports.record.units.iter().map(|unit| unit.attempts.len()).sum();
    assert!(attempts > 1_400, "{attempts}");
    let size = std::fs::metadata(&file).expect("the page").len();
    assert!(size < 1 << 20, "{size} bytes");
    for (view, rows) in [("", 8), ("#worktrees", 250)] {
        let page = Page::open(&file, view);
        assert_eq!(page.all("rect.bar").len(), attempts, "{view}");
        assert_eq!(page.all("#names div").len(), rows, "{view}");
        assert_eq!((page.rows("path").len(), page.rows("slowest").len()), (SHOWN, SHOWN));
        assert_eq!(page.texts("#all-slowest").len(), 1);
    }
}

#[test]
fn the_page_goes_where_it_makes_nothing_dirty() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    let page = repo.at(".git/wtcheck/timings.html");
    let told = |folder: &str, args: &[&str]| repo.wtcheck_in(folder, args).exits(0).stderr.clone();
    assert_eq!(told("../linked", &["status", "--timings"]), format!("timings: {}\n", page.display()));
    assert!(std::fs::read_to_string(&page).expect("the page").starts_with("<!doctype html>"));
    assert!(repo.git(&["status", "--porcelain"]).is_empty());
    assert_eq!(told(".", &["status", "--timings", "--quiet"]), "");
    // A word after it is a check, not a file.
    repo.wtcheck(&["--timings", "status"]).exits(0);
    let printed = repo.wtcheck(&["--format=timings", "status"]);
    assert!(printed.exits(0).stdout.starts_with("<!doctype html>") && printed.stderr.is_empty());
    assert_eq!(told(".", &["status", "--output=timings=../other.html"]), "");
    assert!(repo.at("../other.html").is_file());
}

#[test]
fn what_keeps_the_page_from_being_written() {
    let repo = TestRepo::new();
    repo.config("wtcheck.mark.command", "touch ../ran");
    repo.wtcheck(&["plan", "--timings"]).exits(129).says("--timings is for runs");
    repo.wtcheck(&["mark", "--timings=no/such.html"]).exits(2).says("cannot write to '").says("no/such.html'");
    let twice = ["mark", "--timings=../x", "--output=json=../x"];
    repo.wtcheck(&twice).exits(2).says("two reports would go to");
    repo.write(".git/wtcheck", "in the way");
    let run = repo.wtcheck(&["mark", "--timings"]);
    run.exits(2).says("cannot write to '").says(".git/wtcheck'");
    assert!(!repo.at("../ran").exists(), "nothing ran");
    assert_eq!(std::fs::read(repo.at(".git/wtcheck")).expect("what was there"), b"in the way");
}

#[cfg(target_os = "linux")]
#[test]
fn a_page_that_is_lost_is_told_of() {
    let repo = TestRepo::new();
    let run = repo.wtcheck(&["status", "--timings=/dev/full"]);
    run.exits(128).says("error: cannot write the report: '/dev/full': No space left on device");
    assert!(!run.stderr.contains("timings: "), "{}", run.stderr);
}
