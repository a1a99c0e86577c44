//! The reports of a run, and where each of them goes. All of it is opened before anything runs.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::cli::{Format, Options};
use crate::environment::Environment;
use crate::error::{Error, Refusal};
use crate::report::github::Github;
use crate::report::json::{Json, Stream};
use crate::report::junit::Junit;
use crate::report::markdown::Markdown;
use crate::report::outlet::{Outlet, Outlets};
use crate::report::porcelain::Porcelain;
use crate::report::style::Look;
use crate::report::table::{Detail, Table};
use crate::report::target::{Place, Target};
use crate::report::timings::Timings;
use crate::report::{Reporter, Sent};
use crate::terminal::Width;
use crate::ui::Ui;

/// The reports of a run.
pub(super) struct Outputs {
    /// First the one that goes to standard output.
    pub(super) reporters: Vec<Box<dyn Reporter>>,
    /// Where the page of `--timings` will be.
    pub(super) page: Option<PathBuf>,
}

/// An outlet to a stream that the program was given. It goes past the library's own buffer, which is empty.
pub(super) fn standard(outlets: &mut Outlets, stream: impl AsFd) -> io::Result<Outlet> {
    outlets.to(File::from(stream.as_fd().try_clone_to_owned()?), None)
}

/// Opens what the reports of a run go to. `common_dir`: the folder that all worktrees share.
pub(super) fn open(
    options: &Options,
    common_dir: &Path,
    ui: Ui,
    environment: &Environment,
    outlets: &mut Outlets,
) -> Result<Outputs, Error> {
    let shown = Shown::on_standard_output(options, ui, environment);
    let wanted = options.outputs(&common_dir.join("wtcheck/timings.html"));
    let page = wanted.last().filter(|_| options.timings.is_some()).map(|output| output.file.clone());
    if let (Some(Some(folder)), Some(None)) = (page.as_deref().map(Path::parent), &options.timings) {
        std::fs::create_dir_all(folder).map_err(|error| unopened(folder, error))?;
    }
    let mut places = Places::default();
    let system = Error::cannot("write to standard output");
    let to = File::from(io::stdout().as_fd().try_clone_to_owned().map_err(&system)?);
    places.standard_output = to.metadata().ok();
    let out = outlets.to(to, None).map_err(system)?;
    for output in &wanted {
        places.add(&environment.directory().join(&output.file))?;
    }
    let formats = || std::iter::once(options.format()).chain(wanted.iter().map(|output| output.format));
    // However many of them there are, they have one page.
    let mut summary = match environment.get("GITHUB_STEP_SUMMARY") {
        Some(path) if formats().any(|format| format == Format::Github) => {
            Some(places.add_summary(&environment.directory().join(path), outlets)?)
        }
        _ => None,
    };
    let mut reporters = Vec::new();
    reporters.push(shown.reporter(options.format(), out, &mut summary));
    let shown = shown.in_a_file();
    for (output, (path, target)) in wanted.iter().zip(places.targets) {
        let outlet = target.outlet(outlets).map_err(|error| unopened(&path, error))?;
        reporters.push(shown.reporter(output.format, outlet, &mut summary));
    }
    Ok(Outputs { reporters, page })
}

/// How reports are shown where they go to.
struct Shown<'a> {
    look: Look,
    links: bool,
    width: Width,
    /// Whether JSON is for people to read, too.
    is_pretty: bool,
    detail: Detail,
    nul: bool,
    directory: &'a Path,
    started_at: Timestamp,
}

impl<'a> Shown<'a> {
    fn on_standard_output(options: &Options, ui: Ui, environment: &'a Environment) -> Self {
        Self {
            look: ui.look,
            links: ui.links,
            width: environment.width,
            is_pretty: environment.terminals.output,
            detail: detail(options),
            nul: options.nul,
            directory: environment.directory(),
            started_at: Timestamp::now(),
        }
    }

    /// The same, without what only a terminal has.
    fn in_a_file(self) -> Self {
        let look = Look { colour: false, ..self.look };
        Self { look, links: false, width: Width::Any, is_pretty: false, ..self }
    }

    /// Where formats are chosen. `summary` is taken by the first who has a page for it.
    fn reporter(&self, format: Format, outlet: Outlet, summary: &mut Option<Outlet>) -> Box<dyn Reporter> {
        let document = Stream::Document { pretty: self.is_pretty };
        let mut outlets = vec![outlet.clone()];
        let out = Box::new(outlet);
        let reporter: Box<dyn Reporter> = match format {
            Format::Human => {
                let table = Table::new(out, self.look, self.detail, self.width);
                Box::new(table.linked(self.links).seen_from(self.directory))
            }
            Format::Json => Box::new(Json::new(out, document, self.started_at)),
            Format::Jsonl => Box::new(Json::new(out, Stream::Lines, self.started_at)),
            Format::Junit => Box::new(Junit::new(out, self.started_at)),
            Format::Github => {
                let summary = summary.take();
                outlets.extend(summary.clone());
                Box::new(Github::new(out, summary.map(|summary| Box::new(summary) as Box<dyn Write>)))
            }
            Format::Markdown => Box::new(Markdown::new(out)),
            Format::Porcelain => Box::new(Porcelain::new(out, self.nul)),
            Format::Timings => Box::new(Timings::new(out, self.started_at)),
        };
        Box::new(Sent { reporter, outlets })
    }
}

const fn detail(options: &Options) -> Detail {
    match (options.quiet, options.verbose) {
        (true, _) => Detail::Quiet,
        (false, 0) => Detail::Normal,
        (false, _) => Detail::Verbose,
    }
}

/// The places that reports go to. No two of them share one.
#[derive(Default)]
struct Places {
    standard_output: Option<Metadata>,
    targets: Vec<(PathBuf, Target)>,
}

impl Places {
    /// A file that a report goes to.
    fn add(&mut self, path: &Path) -> Result<(), Error> {
        let target = Target::open(path).map_err(|error| unopened(path, error))?;
        self.is_free(path, &target.place)?;
        self.targets.push((path.to_owned(), target));
        Ok(())
    }

    /// The page of a job's summary, to which a workflow's steps append.
    fn add_summary(&self, path: &Path, outlets: &mut Outlets) -> Result<Outlet, Error> {
        let file = File::options().append(true).create(true).open(path).map_err(|error| unopened(path, error))?;
        let metadata = file.metadata().map_err(|error| unopened(path, error))?;
        self.is_free(path, &Place::of(path, &metadata))?;
        outlets.to(file, Some(path)).map_err(|error| unopened(path, error))
    }

    /// Into a pipe or a terminal, a report goes after the one on standard output; in a file, they would go over each
    /// other.
    fn is_free(&self, path: &Path, place: &Place) -> Result<(), Error> {
        let shared = match self.targets.iter().find(|(_, known)| known.place.is(place)) {
            Some((known, _)) if known == path => format!("'{}'", path.display()),
            Some((known, _)) => format!("one file, '{}' and '{}'", known.display(), path.display()),
            None if self.standard_output.as_ref().is_some_and(|metadata| place.is_file(metadata)) => {
                format!("one file, standard output and '{}'", path.display())
            }
            None => return Ok(()),
        };
        Err(Refusal::new(format!("two reports would go to {shared}")).into())
    }
}

/// A file that cannot be opened is told of before anything runs.
fn unopened(path: &Path, error: io::Error) -> Error {
    Refusal::new(format!("cannot write to '{}'", path.display())).because(error).into()
}
