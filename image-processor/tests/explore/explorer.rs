//! Explores all schedules of a scenario: all orders of the source's changes, of the operations of all invocations, and of crashes.
//! Schedules that reach the same state are explored together from there on.

use std::fmt::{self, Write};

use rustc_hash::FxHashMap;

use crate::{
    machine::{Id, Machine, Protocol, Step},
    model::{Answer, Bucket, Call, Change, Operation, Slots},
};

/// An invocation that has answered.
const DONE: Id = Id::MAX;
/// An invocation that failed although the store did not.
const GAVE_UP: Id = Id::MAX - 1;

/// A scenario to explore.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// The initial bucket.
    pub(crate) bucket: Bucket,
    /// Whether the source's bucket is versioned.
    pub(crate) versioned: bool,
    /// The changes of the source, in order.
    pub(crate) changes: Vec<Change>,
    /// The number of invocations by events: one for each change, and duplicates.
    pub(crate) by_events: usize,
    /// The number of invocations by a backfill, which may run at any time.
    pub(crate) by_backfill: usize,
    /// The maximum number of crashes.
    pub(crate) crashes: u8,
    /// Whether single operations can fail, too, with or without taking effect. They count as crashes.
    pub(crate) failures: bool,
    /// Whether an invocation may fail although the store did not, and be retried.
    pub(crate) may_give_up: bool,
}

/// The state of the bucket and of up to `ROOM` invocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct State<const ROOM: usize> {
    pub(crate) bucket: Bucket,
    changes: u8,
    crashes: u8,
    invocations: [Id; ROOM],
}

/// A step of a schedule.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Move {
    Change(Change),
    Operate { invocation: usize, call: Call, answer: Answer },
    Fail { invocation: usize, call: Call, carried_out: bool },
    Crash { invocation: usize },
}

/// A summary of all schedules from a state on.
#[derive(Debug, Clone, Copy)]
struct Ahead {
    /// The number of schedules, as a float because it is large.
    schedules: f64,
    /// The number of schedules that end in a violation.
    wrong: f64,
    /// The number of moves to the nearest violation; [`u16::MAX`] if there is none.
    distance: u16,
}

/// The outcome of a scenario.
pub(crate) struct Explored {
    pub(crate) states: usize,
    pub(crate) schedules: f64,
    pub(crate) wrong: f64,
    /// The shortest schedule that ends in a violation, as text.
    pub(crate) trace: Option<String>,
}

pub(crate) struct Explorer<const ROOM: usize> {
    pub(crate) machine: Machine,
    pub(crate) slots: Slots,
    ahead: FxHashMap<State<ROOM>, Ahead>,
    /// Whether the protocols are ours, which must also look at an object before they delete it.
    is_ours: bool,
}

impl<const ROOM: usize> Explorer<ROOM> {
    /// Creates an explorer. Invocations by events follow the first protocol, and invocations by a backfill the second.
    pub(crate) fn new(protocols: [Protocol; 2], slots: Slots, is_ours: bool, cuts: bool) -> Self {
        let machine = Machine::new(&protocols, slots, cuts);
        Self { machine, slots, ahead: FxHashMap::default(), is_ours }
    }

    /// Explores every schedule.
    pub(crate) fn explore(&mut self, scenario: &Scenario) -> Explored {
        self.ahead.clear();
        let start = State::of(scenario);
        let Ahead { schedules, wrong, distance } = self.visit(scenario, start);
        let trace = (distance < u16::MAX).then(|| self.trace(scenario, start));
        Explored { states: self.ahead.len(), schedules, wrong, trace }
    }

    fn visit(&mut self, scenario: &Scenario, state: State<ROOM>) -> Ahead {
        let state = state.canonical(scenario);
        if let Some(ahead) = self.ahead.get(&state) {
            return *ahead;
        }
        // If the state is reached again before it is finished, the invocations run in a circle.
        self.ahead.insert(state, Ahead { schedules: 1.0, wrong: 1.0, distance: 0 });
        let mut ahead = Ahead { schedules: 0.0, wrong: 0.0, distance: u16::MAX };
        if let Some(end) = self.end(scenario, &state) {
            ahead.schedules = 1.0;
            if end.is_some() {
                (ahead.wrong, ahead.distance) = (1.0, 0);
            }
        } else {
            for (_, next) in self.moves(scenario, &state) {
                let next = self.visit(scenario, next);
                ahead.schedules += next.schedules;
                ahead.wrong += next.wrong;
                ahead.distance = ahead.distance.min(next.distance.saturating_add(1));
            }
        }
        self.ahead.insert(state, ahead);
        ahead
    }

    /// Returns whether a schedule ends in this state, and then the violation if there is one.
    #[allow(clippy::option_option, reason = "no end, a right end, a wrong end with its complaint")]
    pub(crate) fn end(&self, scenario: &Scenario, state: &State<ROOM>) -> Option<Option<String>> {
        let invocations = &state.invocations[..scenario.invocations()];
        if invocations.contains(&GAVE_UP) {
            return Some(Some("an invocation failed although the store did not".into()));
        }
        let is_quiet = usize::from(state.changes) == scenario.changes.len() && invocations.iter().all(|id| *id == DONE);
        is_quiet.then(|| state.bucket.complaint(self.slots))
    }

    /// Lists all possible next moves.
    pub(crate) fn moves(&mut self, scenario: &Scenario, state: &State<ROOM>) -> Vec<(Move, State<ROOM>)> {
        let mut moves = Vec::new();
        if let Some(change) = scenario.changes.get(usize::from(state.changes)) {
            let mut next = *state;
            next.changes += 1;
            next.bucket.change(*change, if scenario.versioned { next.changes } else { 0 });
            moves.push((Move::Change(*change), next));
        }
        // An invocation that has not begun is the same as one whose retry has not begun. So it suffices to limit how many
        // invocations by events have begun: the change that causes one must come first.
        let caused = match usize::from(state.changes) {
            0 => 0,
            changes => changes + scenario.by_events - scenario.changes.len(),
        };
        let begun = state.invocations[..scenario.by_events].iter().filter(|id| !self.has_not_begun(**id)).count();
        for invocation in 0..scenario.invocations() {
            let id = state.invocations[invocation];
            let waits_for_event = invocation < scenario.by_events && self.has_not_begun(id) && begun >= caused;
            if id == DONE || waits_for_event {
                continue;
            }
            let Step::Waits(calls) = self.machine.step(id) else {
                unreachable!("those that answered are marked as such")
            };
            let can_crash = state.crashes < scenario.crashes;
            for call in calls.clone() {
                let mut next = *state;
                let answer = next.bucket.apply(call);
                next.invocations[invocation] = self.after(scenario, id, call, answer);
                moves.push((Move::Operate { invocation, call, answer }, next));
                if scenario.failures && can_crash {
                    let failed = self.after(scenario, id, call, Answer::Failed);
                    for (carried_out, bucket) in [(true, next.bucket), (false, state.bucket)] {
                        let mut next = State { bucket, crashes: state.crashes + 1, ..*state };
                        next.invocations[invocation] = failed;
                        moves.push((Move::Fail { invocation, call, carried_out }, next));
                    }
                }
            }
            if can_crash && !self.has_not_begun(id) {
                let mut next = State { crashes: state.crashes + 1, ..*state };
                next.invocations[invocation] = self.machine.start(id);
                moves.push((Move::Crash { invocation }, next));
            }
        }
        moves
    }

    fn has_not_begun(&self, id: Id) -> bool {
        id < GAVE_UP && id == self.machine.start(id)
    }

    /// Returns the state of an invocation after an operation.
    fn after(&mut self, scenario: &Scenario, id: Id, call: Call, answer: Answer) -> Id {
        if self.is_ours && call.operation == Operation::Delete {
            assert!(
                self.machine.has_seen(id, call.at),
                "{call} without a look at it: that can leave a needless marker"
            );
        }
        let next = self.machine.answered(id, call.at, answer);
        match self.machine.step(next) {
            Step::Waits(_) => next,
            Step::Succeeded => DONE,
            Step::Failed if scenario.may_give_up || self.machine.met_failure(next) => self.machine.start(id),
            Step::Failed => GAVE_UP,
        }
    }

    /// Describes the shortest schedule to a violation, after all have been explored.
    fn trace(&mut self, scenario: &Scenario, start: State<ROOM>) -> String {
        let mut trace = String::new();
        let mut state = start;
        loop {
            if let Some(end) = self.end(scenario, &state) {
                let _ = writeln!(trace, "  at the end: {}", end.unwrap_or_default());
                return trace;
            }
            let moves = self.moves(scenario, &state);
            let distance =
                |next: &State<ROOM>| self.ahead.get(&next.canonical(scenario)).map_or(u16::MAX, |ahead| ahead.distance);
            let Some((way, next)) = moves.into_iter().min_by_key(|(_, next)| distance(next)) else { return trace };
            if trace.lines().count() > usize::from(u8::MAX) {
                return trace + "  … and so on, forever";
            }
            let _ = writeln!(trace, "  {way}");
            state = next;
        }
    }
}

impl Scenario {
    pub(crate) fn invocations(&self) -> usize {
        self.by_events + self.by_backfill
    }
}

impl<const ROOM: usize> State<ROOM> {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        assert!(scenario.changes.len() <= scenario.by_events && scenario.invocations() <= ROOM, "{scenario:?}");
        let mut invocations = [DONE; ROOM];
        invocations[..scenario.by_events].fill(0);
        invocations[scenario.by_events..scenario.invocations()].fill(1);
        Self { bucket: scenario.bucket, changes: 0, crashes: 0, invocations }
    }

    /// Sorts the invocations of each protocol, because it does not matter which of them is in which state.
    fn canonical(mut self, scenario: &Scenario) -> Self {
        let (by_events, others) = self.invocations.split_at_mut(scenario.by_events);
        by_events.sort_unstable();
        others.sort_unstable();
        self
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |invocation: &usize| char::from(b'A' + u8::try_from(*invocation).unwrap_or_default());
        match self {
            Self::Change(Change::Put(content)) => write!(f, "upload of {content:?}"),
            Self::Change(Change::Delete) => write!(f, "delete of the source"),
            Self::Operate { invocation, call, answer: Answer::Done } => write!(f, "{}: {call}", name(invocation)),
            Self::Operate { invocation, call, answer } => write!(f, "{}: {call}: {answer}", name(invocation)),
            Self::Fail { invocation, call, carried_out } => {
                write!(f, "{}: {call} fails, {}carried out", name(invocation), if *carried_out { "" } else { "not " })
            }
            Self::Crash { invocation } => write!(f, "{} crashes", name(invocation)),
        }
    }
}
