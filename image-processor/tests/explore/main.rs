//! Explores the real `reconcile` under all orders of events, duplicates, crashes and retries, and shows that simpler protocols are
//! wrong. At the end of each schedule, the thumbnails must be exactly those of the present source. A source that is deleted has no
//! thumbnails, a rejected source has no thumbnails of another source, and retired sizes have no thumbnails.
//!
//! `cargo test -p image-processor --test explore` prints what was explored. `EXPLORE=more` widens the bounds (`make explore`),
//! `EXPLORE_SCHEDULES` sets the number of random schedules, and `EXPLORE_SEED` the seed of the first one.

mod explorer;
mod machine;
mod model;
mod random;
mod variants;

use std::{env, process::ExitCode, time::Instant};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::{
    explorer::{Explorer, Scenario},
    machine::Protocol,
    model::{Bucket, Change, Content, Slots, Thumbnail},
    random::Ended,
};

/// The maximum number of invocations of a scenario that is explored in full.
const ROOM: usize = 3;

/// The bounds of the exploration.
#[derive(Clone, Copy)]
struct Bounds {
    thumbnails: usize,
    by_format: bool,
    changes: usize,
    crashes_beside_backfill: u8,
    invocations: usize,
    crashes: u8,
    failures: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut bounds = Bounds {
        thumbnails: 2,
        by_format: false,
        changes: 3,
        crashes_beside_backfill: 1,
        invocations: 3,
        crashes: 2,
        failures: false,
    };
    if goes_further() {
        bounds = Bounds { failures: true, crashes_beside_backfill: 2, ..bounds };
    }
    let mut trials = Vec::new();
    for versioned in [false, true] {
        let bucket = if versioned { "versioned" } else { "unversioned" };
        for by_format in [false, true] {
            let bucket = format!("{bucket}{}", if by_format { ", a slot for each format" } else { "" });
            let bounds = Bounds { by_format, ..bounds };
            trials.push(trial(format!("reconcile, {bucket}"), move |name| {
                histories(name, variants::ours, bounds, versioned, true)
            }));
            trials.push(trial(format!("reconcile beside a backfill, {bucket}"), move |name| {
                backfill(name, bounds, versioned)
            }));
        }
        let wrong: [(&str, Protocol); 3] = [
            ("blind write", variants::blind_write),
            ("write if absent", variants::write_if_absent),
            ("compare the thumbnail's ETag", variants::compare_etag),
        ];
        for (protocol, variant) in wrong {
            trials.push(trial(format!("{protocol} is found wrong, {bucket}"), move |name| {
                // These protocols are wrong even without crashes and failures.
                histories(name, variant, Bounds { crashes: 0, failures: false, ..bounds }, versioned, false)
            }));
        }
    }
    trials.push(trial("reconcile, random schedules".into(), random_schedules));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn goes_further() -> bool {
    env::var("EXPLORE").is_ok_and(|value| value == "more")
}

fn trial(name: String, run: impl FnOnce(&str) -> Result<(), String> + Send + 'static) -> Trial {
    Trial::test(name.clone(), move || run(&name).map_err(Failed::from))
}

/// All sequences of one to `most` changes.
fn sequences(most: usize) -> Vec<Vec<Change>> {
    let longer = |shorter: &Vec<Vec<Change>>| {
        let append = |changes: &Vec<Change>| Change::ALL.map(|change| [changes.as_slice(), &[change]].concat());
        shorter.iter().flat_map(append).collect()
    };
    let by_length = std::iter::successors(Some(vec![Vec::new()]), |shorter| Some(longer(shorter)));
    by_length.skip(1).take(most).flatten().collect()
}

/// Explores a protocol on all sequences of changes of the source, from an empty bucket.
fn histories(
    name: &str,
    protocol: Protocol,
    bounds: Bounds,
    versioned: bool,
    must_be_right: bool,
) -> Result<(), String> {
    let scenarios = sequences(bounds.changes).into_iter().map(|changes| Scenario {
        bucket: Bucket::default(),
        versioned,
        changes,
        by_events: bounds.invocations,
        by_backfill: 0,
        crashes: bounds.crashes,
        failures: bounds.failures,
        may_give_up: false,
    });
    let protocols = [protocol, variants::ours_skipping];
    let slots = Slots { made: bounds.thumbnails, retired: 0, by_format: bounds.by_format };
    let explorer = Explorer::new(protocols, slots, must_be_right, true);
    explore_all(name, explorer, scenarios, must_be_right)
}

/// Explores our protocol with one invocation of a backfill, from buckets that earlier settings and lost events left behind.
fn backfill(name: &str, bounds: Bounds, versioned: bool) -> Result<(), String> {
    let (x, y) = (Content::X, Content::Y);
    let today = |shows| Some(Thumbnail { shows, is_of_today: true });
    let former = |shows| Some(Thumbnail { shows, is_of_today: false });
    // Two sizes, or one size in two formats, and a retired size.
    let slots = Slots { made: 2, retired: 1, by_format: bounds.by_format };
    let found = [
        [None, None, None],
        [today(x), today(x), None],
        [today(x), None, None],
        [today(x), today(x), former(x)],
        [former(x), former(x), None],
        [today(x), former(x), former(y)],
        [today(x), today(y), None],
        [former(y), today(y), today(x)],
    ];
    let sources = [None, Some(x), Some(Content::Text)];
    let mut changes = vec![Vec::new()];
    changes.extend(sequences(1));
    let mut scenarios = Vec::new();
    for (found, source) in found.iter().flat_map(|found| sources.map(|source| (found, source))) {
        let mut bucket = Bucket::default();
        for (slot, thumbnail) in found.iter().enumerate() {
            bucket.thumbnails[slot] = thumbnail.map(|thumbnail| slots.possible(slot, thumbnail));
        }
        if let Some(content) = source {
            bucket.change(Change::Put(content), 0);
        }
        for changes in &changes {
            scenarios.push(Scenario {
                bucket,
                versioned,
                changes: changes.clone(),
                by_events: changes.len(),
                by_backfill: 1,
                crashes: bounds.crashes_beside_backfill,
                failures: bounds.failures,
                may_give_up: false,
            });
        }
    }
    let explorer = Explorer::new([variants::ours, variants::ours_skipping], slots, true, true);
    explore_all(name, explorer, scenarios, true)
}

fn explore_all(
    name: &str,
    mut explorer: Explorer<ROOM>,
    scenarios: impl IntoIterator<Item = Scenario>,
    must_be_right: bool,
) -> Result<(), String> {
    let started = Instant::now();
    let (mut count, mut wrong_scenarios, mut states, mut schedules, mut wrong) = (0, 0, 0, 0.0, 0.0);
    let mut example: Option<String> = None;
    for scenario in scenarios {
        let found = explorer.explore(&scenario);
        count += 1;
        states += found.states;
        schedules += found.schedules;
        wrong += found.wrong;
        if let Some(trace) = found.trace {
            wrong_scenarios += 1;
            if example.as_ref().is_none_or(|example| trace.lines().count() < example.lines().count()) {
                example = Some(trace);
            }
        }
    }
    eprintln!(
        "{name}: {count} histories of the source, {states} states, {schedules:.2e} schedules; violations in {wrong_scenarios} \
         histories, {wrong:.2e} schedules ({:.1} s)\n{}",
        started.elapsed().as_secs_f64(),
        example.as_deref().map(|example| format!(" the shortest:\n{example}")).unwrap_or_default(),
    );
    match (must_be_right, example) {
        (true, Some(_)) => Err("thumbnails do not agree with their source, see above".into()),
        (false, None) => Err("nothing was found wrong with a protocol that is: the explorer has no teeth".into()),
        _ => Ok(()),
    }
}

fn random_schedules(name: &str) -> Result<(), String> {
    let number = |variable: &str, default: u64| match env::var(variable) {
        Ok(text) => text.parse().map_err(|_| format!("{variable}={text:?}: give a whole number")),
        Err(_) => Ok(default),
    };
    let usual = if goes_further() { 1_000_000 } else { 100_000 };
    let (first, schedules) = (number("EXPLORE_SEED", 1)?, number("EXPLORE_SCHEDULES", usual)?);
    let started = Instant::now();
    let protocols = [variants::ours, variants::ours_skipping];
    let mut explorers = random::SLOTS.map(|slots| Explorer::new(protocols, slots, true, false));
    for seed in first..first + schedules {
        let explorer = &mut explorers[usize::from(seed % 2 == 0)];
        if let Ended::Wrong(complaint, steps) = random::run(explorer, seed) {
            return Err(format!(
                "EXPLORE_SEED={seed} EXPLORE_SCHEDULES=1 runs this again:\n{steps}  at the end: {complaint}"
            ));
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{name}: {schedules} schedules from seed {first}, violations in 0 ({seconds:.1} s)\n");
    Ok(())
}
