//! What is kept for the next run of the listings of worktrees, written once the report is out.
//!
//! Nothing is printed, and nothing that goes wrong here is a fault of the run: the next one lists again.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::exec::source::hands::Hands;
use crate::git::listing_file::clean;
use crate::plan::Plan;

/// No longer than this may all of it take, but for the file that is being written then.
const LONGEST: Duration = Duration::from_secs(1);

pub(super) fn keep(hands: &Hands, plan: &Plan) {
    let began = Instant::now();
    let kept = std::mem::take(&mut *hands.listings.lock().unwrap_or_else(PoisonError::into_inner));
    let mut written = BTreeSet::new();
    for one in kept {
        if began.elapsed() > LONGEST {
            return;
        }
        if one.file.keep(&one.news).is_ok() {
            written.insert(one.repository);
        }
    }
    for repository in written {
        let _ = clean(&plan.repositories[repository].common_dir);
    }
}
