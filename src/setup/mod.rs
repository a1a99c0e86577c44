//! What belongs to the program and lies outside of it: the manual page and the completions, where man and each shell
//! look for them.

mod file;
mod places;

use std::io;
use std::path::Path;

use crate::cli::Setup;
use crate::environment::Environment;
use crate::error::{Error, Refusal};
use crate::setup::file::{File, Found};
use crate::setup::places::Places;

pub use places::Needed;

/// The files that are asked for, and what stands in the place of each.
pub struct Installation<'a> {
    asked: &'a Setup,
    environment: &'a Environment,
    places: Places,
    files: Vec<(File, Found)>,
}

/// What is to be done with one file.
pub struct Step<'a> {
    /// The action.
    pub action: Action,
    file: &'a File,
}

/// What can be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: it is there as it should be.
    Keep,
    /// It is written.
    Write,
    /// It is removed.
    Remove,
    /// Nothing: it is somebody else's.
    Leave,
}

impl<'a> Installation<'a> {
    /// Looks at what is there.
    pub fn of(asked: &'a Setup, environment: &'a Environment) -> Result<Self, Error> {
        let places = Places::of(asked, environment)?;
        let look = |file: File| match file.found() {
            Ok(found) => Ok((file, found)),
            Err(error) => Err(cannot("look at the files", &file.path, &error)),
        };
        let files = places.files(asked).into_iter().map(look).collect::<Result<_, _>>()?;
        Ok(Self { asked, environment, places, files })
    }

    /// What is to be done. Refused as a whole where somebody else's file stands in the place of one that is to be
    /// written.
    pub fn steps(&self) -> Result<Vec<Step<'_>>, Error> {
        if self.asked.uninstall {
            return Ok(self.steps_by(|found| match found {
                Found::Nothing => None,
                Found::Current | Found::Outdated => Some(Action::Remove),
                Found::Elsewhere | Found::Foreign => Some(Action::Leave),
            }));
        }
        let foreign = self.files.iter().filter(|(_, found)| *found == Found::Foreign);
        let foreign: Vec<_> = foreign.map(|(file, _)| somebody_else_s(&file.path)).collect();
        if !foreign.is_empty() {
            return Err(Error::Refused(foreign));
        }
        Ok(self.steps_by(|found| match found {
            Found::Current | Found::Elsewhere => Some(Action::Keep),
            Found::Nothing | Found::Outdated | Found::Foreign => Some(Action::Write),
        }))
    }

    fn steps_by(&self, action: impl Fn(Found) -> Option<Action>) -> Vec<Step<'_>> {
        self.files.iter().filter_map(|(file, found)| Some(Step { action: action(*found)?, file })).collect()
    }

    /// The lines that start-up files lack for all of it to be found.
    pub fn lacking(&self) -> Vec<Needed> {
        self.places.needed(self.asked, self.environment)
    }

    /// The line in a start-up file that nothing needs once the files are gone.
    pub fn left_over(&self) -> Option<Needed> {
        self.places.fpath(self.asked).filter(Needed::is_there)
    }
}

impl Step<'_> {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Does it.
    pub fn carry_out(&self) -> Result<(), Error> {
        let path = self.path();
        match self.action {
            Action::Keep | Action::Leave => Ok(()),
            Action::Write => self.file.write().map_err(|error| cannot("write the files", path, &error)),
            Action::Remove => std::fs::remove_file(path).map_err(|error| cannot("remove the files", path, &error)),
        }
    }
}

fn somebody_else_s(path: &Path) -> Refusal {
    Refusal::new(format!("{} is there, and 'git wtcheck setup' did not write it", path.display()))
        .hint("nothing was written; move it away, or leave its shell out with --shell")
}

fn cannot(doing: &'static str, path: &Path, error: &io::Error) -> Error {
    Error::cannot(doing)(io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
