//! `git wtcheck trust`: approves what the repository's own file would run.

use jiff::Timestamp;

use crate::cli::Trust;
use crate::commands::{Context, Execute, Io};
use crate::error::{Error, Refusal};
use crate::report::approvals;
use crate::session::Configured;
use crate::settings::trust::Store;
use crate::text::message::tell;

impl Execute for Trust {
    fn execute(&self, context: &Context, io: &mut Io<'_>) -> Result<u8, Error> {
        let configured = context.session()?.configured()?;
        let store = store(&configured)?;
        if self.list {
            return list(store, io);
        }
        let Configured { repository, merged, ui, .. } = &configured;
        if !merged.errors.is_empty() {
            return Err(Error::from(merged.errors.clone()));
        }
        let code = &merged.code;
        if code.is_empty() {
            const NOTHING: &str =
                "this repository's .wtcheck.toml runs nothing of its own: there is nothing to approve";
            tell(io.err, &[("hint", NOTHING)], true);
            return Ok(0);
        }
        let file = merged.repository_file().unwrap_or_default();
        io.put(&approvals::definitions(code, file, &merged.files, ui.look))?;
        if store.approves(&repository.common_dir, code) {
            return io.put("All of it is approved already.\n").map(|()| 0);
        }
        if !self.yes && !is_granted(&approvals::question(&repository.common_dir), context, io)? {
            return io.put("Nothing was approved.\n").map(|()| 1);
        }
        store
            .approve(&repository.common_dir, code, Timestamp::now().to_string())
            .map_err(Error::cannot("keep the approval"))?;
        io.put("Approved. A change to any of it will be asked about again.\n").map(|()| 0)
    }
}

/// Asks a question that is to be answered by yes or no.
fn is_granted(question: &str, context: &Context, io: &mut Io<'_>) -> Result<bool, Error> {
    if !context.environment.terminals.input {
        let refusal = Refusal::new("nobody can be asked here: standard input is no terminal")
            .hint("'git wtcheck trust --yes' approves without asking");
        return Err(refusal.into());
    }
    io.put(question)?;
    let mut answer = String::new();
    io.input.read_line(&mut answer).map_err(Error::cannot("read the answer"))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn list(store: &Store, io: &mut Io<'_>) -> Result<u8, Error> {
    let (approvals, unread) = store.list().map_err(Error::cannot("read the approvals"))?;
    io.put(&approvals::list(&approvals))?;
    tell(io.err, &approvals::unread(&unread, "warning", "approves nothing"), true);
    Ok(0)
}

/// Where approvals are kept.
pub(super) fn store(configured: &Configured) -> Result<&Store, Error> {
    let nowhere = || std::io::Error::other("neither XDG_STATE_HOME nor HOME names a folder");
    configured.store.as_ref().ok_or_else(|| Error::cannot("keep approvals")(nowhere()))
}
