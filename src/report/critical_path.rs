//! The critical path of a run (the attempts that its end waited for), and the place that each attempt had.

use std::time::Duration;

/// One attempt, and what it could not begin before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// When it began.
    pub(super) start: Duration,
    /// When it ended.
    pub(super) end: Duration,
    /// What it followed, and when that let it begin; none: nothing but the run's start.
    pub(super) follows: Option<Follows>,
}

/// What an attempt followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Follows {
    /// The other attempt, by its index.
    pub(super) link: usize,
    /// Why it did.
    pub(super) why: Why,
    /// When it might have begun: at the other's end, or when the wait between attempts was over.
    pub(super) ready: Duration,
}

/// Why an attempt did not begin earlier than it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The run had just started.
    Start,
    /// Its check needs another's end.
    Needs,
    /// It was tried before, and the wait between attempts came first.
    Retry,
    /// All places were taken; the one before it on the path gave its own up.
    Place,
}

/// One attempt of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// By its index.
    pub(super) link: usize,
    /// Why it did not begin earlier.
    pub(super) why: Why,
    /// From the end of the one before it, or from the run's start.
    pub(super) waited: Duration,
}

/// The dispatcher itself takes its time from an end to the next start: a gap of no more than this is no wait for a
/// place.
const DISPATCH: Duration = Duration::from_millis(1);

/// An attempt that took no longer found its answer there.
const INSTANT: Duration = Duration::from_micros(100);

/// The path, from the first of its attempts to the one that ended last.
pub(super) fn critical(links: &[Link]) -> Vec<Step> {
    let by_end = |index: &usize| (links[*index].end, links[*index].start);
    let mut path = Vec::new();
    let mut next = (0..links.len()).max_by_key(by_end);
    while let Some(link) = next {
        let (why, before) = before(links, link);
        let since = before.map_or(Duration::ZERO, |before| links[before].end);
        path.push(Step { link, why, waited: links[link].start.saturating_sub(since) });
        next = before;
    }
    path.reverse();
    path
}

fn before(links: &[Link], link: usize) -> (Why, Option<usize>) {
    let Link { start, follows, .. } = links[link];
    let ready = follows.map_or(Duration::ZERO, |follows| follows.ready);
    if start.saturating_sub(ready) > DISPATCH {
        // An attempt that took no time kept none waiting. All others took some, so that the path comes to an end.
        let freed = |other: &usize| {
            let Link { start: begun, end, .. } = links[*other];
            end > ready && end <= start && end.saturating_sub(begun) > INSTANT
        };
        if let Some(other) = (0..links.len()).filter(freed).max_by_key(|other| links[*other].end) {
            return (Why::Place, Some(other));
        }
    }
    follows.map_or((Why::Start, None), |follows| (follows.why, Some(follows.link)))
}

/// The place that each attempt had: the lowest that was free. In the order of `spans`, which are starts and ends.
pub(super) fn places(spans: &[(Duration, Duration)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|index| spans[*index]);
    let mut free_from: Vec<Duration> = Vec::new();
    let mut places = vec![0; spans.len()];
    for index in order {
        let (start, end) = spans[index];
        let place = free_from.iter().position(|free| *free <= start).unwrap_or(free_from.len());
        if place == free_from.len() {
            free_from.push(end);
        } else {
            free_from[place] = end;
        }
        places[index] = place;
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    const fn link(start: u64, end: u64, follows: Option<(usize, Why, u64)>) -> Link {
        let follows = match follows {
            Some((link, why, ready)) => Some(Follows { link, why, ready: ms(ready) }),
            None => None,
        };
        Link { start: ms(start), end: ms(end), follows }
    }

    #[test]
    fn a_path_of_every_reason() {
        let links = [
            link(0, 100, None),
            link(0, 40, None),
            // It had to wait for a place: 0 gave up its own.
            link(100, 150, Some((1, Why::Needs, 40))),
            link(150, 200, Some((2, Why::Needs, 150))),
            // 3 failed, and was tried again after a wait; nothing else ran.
            link(500, 600, Some((3, Why::Retry, 500))),
            link(150, 590, None),
        ];
        let path: Vec<_> = critical(&links).into_iter().map(|step| (step.link, step.why, step.waited)).collect();
        let expected =
            [(0, Why::Start, ms(0)), (2, Why::Place, ms(0)), (3, Why::Needs, ms(0)), (4, Why::Retry, ms(300))];
        assert_eq!(path, expected);
        assert_eq!(critical(&[]), []);
    }

    /// Attempts of a made-up run: each follows an earlier one, or none, and begins some time after that let it.
    fn runs() -> impl Strategy<Value = Vec<Link>> {
        let drawn = (any::<prop::sample::Index>(), any::<bool>(), 0..4_u64, 0..4_u64, 0..50_u64);
        prop::collection::vec(drawn, 0..60).prop_map(|drawn| {
            let mut links: Vec<Link> = Vec::new();
            for (other, follows, wait, late, takes) in drawn {
                let other = (follows && !links.is_empty()).then(|| other.index(links.len()));
                let ready = other.map_or(0, |other| u64::try_from(links[other].end.as_millis()).expect("small") + wait);
                let start = ready + 10 * late;
                links.push(link(start, start + takes, other.map(|other| (other, Why::Retry, ready))));
            }
            links
        })
    }

    proptest! {
        #[test]
        fn a_path_leads_to_the_end_and_its_steps_follow_one_another(links in runs()) {
            let path = critical(&links);
            let last = links.iter().map(|link| link.end).max();
            prop_assert_eq!(path.last().map(|step| links[step.link].end), last);
            let mut end = Duration::ZERO;
            for (index, step) in path.iter().enumerate() {
                prop_assert_eq!(links[step.link].start, end + step.waited);
                prop_assert_eq!(step.why == Why::Start, index == 0);
                end = links[step.link].end;
            }
        }

        #[test]
        fn no_place_is_taken_twice_and_there_are_no_more_than_needed(spans in prop::collection::vec((0..100_u64, 1..30_u64), 0..60)) {
            let spans: Vec<_> = spans.into_iter().map(|(start, takes)| (ms(start), ms(start + takes))).collect();
            let places = places(&spans);
            for (one, (start, end)) in spans.iter().enumerate() {
                for other in 0..one {
                    let apart = spans[other].1 <= *start || *end <= spans[other].0;
                    prop_assert!(apart || places[one] != places[other]);
                }
            }
            let at_once = |time: Duration| spans.iter().filter(|(start, end)| *start <= time && time < *end).count();
            let most = spans.iter().map(|(start, _)| at_once(*start)).max().unwrap_or(0);
            prop_assert_eq!(places.iter().max().map_or(0, |place| place + 1), most);
        }
    }
}
