//! What runs now: each batch that was asked for, until its end is heard of.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::exec::control::{Control, Phase};
use crate::exec::executor::{Answer, Batch, Done, Executor, NoPlace};
use crate::model::answer::SourceId;
use crate::model::id::UnitId;
use crate::model::outcome::Outcome;

/// A batch that was asked for, and what came of it.
pub(super) struct Ended {
    /// The units; the first of them had the place for all.
    pub(super) units: Vec<UnitId>,
    /// Who was asked.
    pub(super) source: SourceId,
    /// When.
    pub(super) started: Duration,
    /// What came of it.
    pub(super) result: Result<Vec<Answer>, NoPlace>,
}

/// The batches that run.
pub(super) struct Running<E> {
    executor: Arc<E>,
    batches: JoinSet<Ended>,
    /// The units that have a place.
    in_place: HashSet<UnitId>,
    phase: watch::Sender<Phase>,
    control: Control,
}

impl<E: Executor> Running<E> {
    /// Nothing runs yet.
    pub(super) fn new(executor: Arc<E>) -> Self {
        let (phase, control) = Control::new();
        Self { executor, batches: JoinSet::new(), in_place: HashSet::new(), phase, control }
    }

    /// Who answers.
    pub(super) fn executor(&self) -> &E {
        &self.executor
    }

    /// Asks for a batch.
    pub(super) fn ask(&mut self, batch: Batch, started: Duration) {
        let units: Vec<UnitId> = batch.units.iter().map(|asked| asked.unit).collect();
        self.in_place.extend(units.first());
        let (executor, control, source) = (Arc::clone(&self.executor), self.control.clone(), batch.source);
        self.batches.spawn(async move {
            // The run may have been cancelled before this task came to its turn.
            let result = if control.is_at(Phase::Stop) {
                Ok(vec![Answer::Done(Done::with(Outcome::Cancelled, None))])
            } else {
                executor.answer(batch, control).await
            };
            Ended { units, source, started, result }
        });
    }

    /// Whether nothing runs.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether a unit has a place.
    pub(super) fn has(&self, unit: UnitId) -> bool {
        self.in_place.contains(&unit)
    }

    /// Waits for the next end; none, where nothing runs.
    pub(super) async fn next(&mut self) -> Option<Ended> {
        let ended = self.batches.join_next().await;
        self.heard_of(ended)
    }

    /// The next end, if it has come already.
    pub(super) fn next_now(&mut self) -> Option<Ended> {
        let ended = self.batches.try_join_next();
        self.heard_of(ended)
    }

    fn heard_of(&mut self, ended: Option<Result<Ended, JoinError>>) -> Option<Ended> {
        match ended? {
            Ok(ended) => {
                self.in_place.remove(ended.units.first()?);
                Some(ended)
            }
            // A fault of this program's own: nothing that it could still say would be true.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Moves what runs to a later phase.
    pub(super) fn move_to(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }
}
