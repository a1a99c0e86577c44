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

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is there as it should be.
    Keep,
    /// It is written.
    Write,
    /// It is removed.
    Remove,
    /// Somebody else's is there, and stays.
    Leave,
}

impl<'a> Installation<'a> {
    /// Looks at what is there.
    pub fn of(asked: &'a Setup, environment: &'a Environment) -> Result<Self, Error> {
        let places = Places::of(asked, environment)?;
        let looked_at = |file: File| match file.found() {
            Ok(found) => Ok((file, found)),
            Err(error) => Err(cannot("look at the files", &file.path, &error)),
        };
        let files = places.files(asked).into_iter().map(looked_at).collect::<Result<_, _>>()?;
        Ok(Self { asked, environment, places, files })
    }

    /// Writes each file that is not there as it should be, as the steps are asked for; in a dry run, none. Refused as a
    /// whole where somebody else's file stands in the place of one.
    pub fn install(&self) -> Result<impl Iterator<Item = Result<(Step, &Path), Error>>, Error> {
        let foreign = self.files.iter().filter(|(_, found)| *found == Found::Foreign);
        let foreign: Vec<_> = foreign.map(|(file, _)| somebody_else_s(&file.path)).collect();
        if !foreign.is_empty() {
            return Err(Error::Refused(foreign));
        }
        Ok(self.files.iter().map(|(file, found)| match found {
            Found::Current | Found::Elsewhere => Ok((Step::Keep, file.path.as_path())),
            _ => {
                self.unless_dry(|| file.write()).map_err(|error| cannot("write the files", &file.path, &error))?;
                Ok((Step::Write, file.path.as_path()))
            }
        }))
    }

    /// Removes each file that this program wrote, as the steps are asked for; in a dry run, none.
    pub fn uninstall(&self) -> impl Iterator<Item = Result<(Step, &Path), Error>> {
        self.files.iter().filter(|(_, found)| *found != Found::Nothing).map(|(file, found)| match found {
            Found::Current | Found::Outdated => {
                self.unless_dry(|| std::fs::remove_file(&file.path))
                    .map_err(|error| cannot("remove the files", &file.path, &error))?;
                Ok((Step::Remove, file.path.as_path()))
            }
            _ => Ok((Step::Leave, file.path.as_path())),
        })
    }

    fn unless_dry(&self, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.asked.dry_run { Ok(()) } else { act() }
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

fn somebody_else_s(path: &Path) -> Refusal {
    Refusal::new(format!("{} is there, and 'git wtcheck setup' did not write it", path.display()))
        .hint("nothing was written; move it away, or leave its shell out with --shell")
}

fn cannot(doing: &'static str, path: &Path, error: &io::Error) -> Error {
    Error::cannot(doing)(io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
