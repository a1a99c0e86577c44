//! `git wtcheck untrust`: takes back every approval for this repository.

use crate::cli::Untrust;
use crate::commands::trust::store;
use crate::commands::{Context, Execute, Io};
use crate::error::{Error, status};
use crate::report::approvals;
use crate::text::message::tell;

impl Execute for Untrust {
    /// Where something could not be removed, that is no success.
    fn execute(&self, context: &Context, io: &mut Io<'_>) -> Result<u8, Error> {
        let configured = context.session()?.configured()?;
        let (revoked, kept) = store(&configured)?
            .revoke(&configured.repository.common_dir)
            .map_err(Error::cannot("take the approvals back"))?;
        io.put(&approvals::revoked(revoked, kept.is_empty()))?;
        tell(io.err, &approvals::unread(&kept, "error", "could not be removed"), true);
        Ok(if kept.is_empty() { 0 } else { status::FATAL })
    }
}
