//! Runs random schedules of scenarios that are too large to explore in full. A seed reproduces each schedule.

use crate::{
    explorer::{Explorer, Move, Scenario, State},
    model::{Bucket, Change, Content, Slots, Thumbnail},
};

/// The maximum number of invocations of a scenario.
pub(crate) const ROOM: usize = 8;

/// The slots of the scenarios: three sizes and a retired one; or a size in two formats and a retired one in both.
pub(crate) const SLOTS: [Slots; 2] =
    [Slots { made: 3, retired: 1, by_format: false }, Slots { made: 2, retired: 2, by_format: true }];

/// The end of a random schedule.
pub(crate) enum Ended {
    Right,
    /// The violation, and the schedule.
    Wrong(String, String),
}

/// Runs the schedule of a seed. Its scenario, the speed of each invocation, and every step are random.
pub(crate) fn run(explorer: &mut Explorer<ROOM>, seed: u64) -> Ended {
    let mut random = fastrand::Rng::with_seed(seed);
    let scenario = scenario(&mut random, explorer.slots);
    // Some invocations are a hundred times slower than others, because races of equals hide most faults.
    let pace: Vec<u32> = (0..=scenario.invocations()).map(|_| [1, 10, 100][random.usize(..3)]).collect();
    let mut state = State::of(&scenario);
    let mut taken = Vec::new();
    loop {
        if let Some(end) = explorer.end(&scenario, &state) {
            let steps: Vec<_> = taken.iter().map(|step: &Move| format!("  {step}")).collect();
            return end.map_or(Ended::Right, |complaint| Ended::Wrong(complaint, steps.join("\n")));
        }
        let moves = explorer.moves(&scenario, &state);
        let weight = |step: &Move| match step {
            Move::Change(_) => 10 * pace[scenario.invocations()],
            Move::Operate { invocation, .. } => 10 * pace[*invocation],
            Move::Fail { invocation, .. } | Move::Crash { invocation } => pace[*invocation],
        };
        let weights: u32 = moves.iter().map(|(step, _)| weight(step)).sum();
        let mut left = random.u32(..weights);
        let chosen = moves.into_iter().find(|(step, _)| {
            let chosen = left < weight(step);
            left = left.saturating_sub(weight(step));
            chosen
        });
        let Some((step, next)) = chosen else { unreachable!("the weights are as large as their sum") };
        taken.push(step);
        state = next;
    }
}

fn scenario(random: &mut fastrand::Rng, slots: Slots) -> Scenario {
    let by_events = random.usize(..=6);
    let changes = random.usize(by_events.min(1)..=by_events);
    Scenario {
        bucket: bucket(random, slots),
        versioned: random.bool(),
        changes: (0..changes).map(|_| Change::ALL[random.usize(..Change::ALL.len())]).collect(),
        by_events,
        by_backfill: random.usize(usize::from(by_events == 0)..=2),
        crashes: random.u8(..=4),
        failures: true,
        may_give_up: true,
    }
}

/// A bucket with random thumbnails, made with random settings.
fn bucket(random: &mut fastrand::Rng, slots: Slots) -> Bucket {
    let mut bucket = Bucket::default();
    let contents = [Content::X, Content::Y, Content::Text];
    if random.bool() {
        bucket.change(Change::Put(contents[random.usize(..3)]), 0);
    }
    for (slot, found) in bucket.thumbnails.iter_mut().enumerate() {
        let thumbnail = Thumbnail { shows: contents[random.usize(..2)], is_of_today: random.bool() };
        *found = random.bool().then_some(slots.possible(slot, thumbnail));
    }
    bucket
}
