//! One process that answers for many units of a check.

use crate::checks::Question;
use crate::exec::control::Control;
use crate::exec::executor::{Answer, Batch, Done, NoPlace};
use crate::exec::source::hands::{Hands, Source, question};
use crate::exec::source::process::run;

/// The source.
pub(super) struct OneForMany;

impl Source for OneForMany {
    async fn answer(&self, hands: &Hands, batch: &Batch, control: Control) -> Result<Vec<Answer>, NoPlace> {
        let Batch { plan, units, .. } = batch;
        let to_all = |answer: Answer| vec![answer; units.len()];
        let questions: Vec<Question<'_>> =
            units.iter().map(|asked| question(plan, asked, plan.worktree(asked.unit))).collect();
        let asking = questions.first().and_then(|first| {
            let mut asking = first.check.kind.ask_together(&hands.git, &questions)?;
            first.tell(&mut asking.invocation);
            Some((first.check, asking))
        });
        let Some((check, asking)) = asking else { return Ok(to_all(Answer::Pass(None))) };
        let mut said = match run(hands, check, asking, control).await?.said {
            Ok(said) => said,
            Err(verdict) => return Ok(to_all(Answer::Done(Done::with(verdict.outcome, verdict.reason)))),
        };
        Ok(match said.reader.finish(said.exit, &said.stderr) {
            Ok(found) => found.into_iter().map(Answer::from).collect(),
            // What is wrong may be one worktree's: each is asked by itself.
            Err(_) => to_all(Answer::Pass(None)),
        })
    }
}
