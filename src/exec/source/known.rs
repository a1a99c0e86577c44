//! What is known already: nobody needs to be asked.

use crate::exec::control::Control;
use crate::exec::executor::{Answer, Asked, Batch, NoPlace};
use crate::exec::source::hands::{Hands, Source, question};
use crate::plan::Plan;

/// The source.
pub(super) struct Known;

impl Source for Known {
    async fn answer(&self, hands: &Hands, batch: &Batch, _: Control) -> Result<Vec<Answer>, NoPlace> {
        Ok(batch.units.iter().map(|asked| answer(hands, &batch.plan, asked)).collect())
    }
}

pub(super) fn answer(hands: &Hands, plan: &Plan, asked: &Asked) -> Answer {
    match hands.worktree(plan, asked.unit) {
        Err(done) => Answer::Done(done),
        Ok(worktree) => {
            let question = question(plan, asked, &worktree);
            question.check.kind.known(&question).into()
        }
    }
}
