//! Gates: places that batches pass one at a time, in batch order.
//!
//! A worker waits at a gate until the batch before its own has passed, works on what the gate guards, and lets the next batch in. Passing
//! happens when the [`Turn`] is dropped, so no path can forget it. If anything goes wrong anywhere, the gates are poisoned together and
//! every wait returns: nobody waits for a batch that will never come.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Set once the run must end early: by an error, a panic or a cancellation.
#[derive(Debug, Default)]
pub(super) struct Poison(AtomicBool);

impl Poison {
    pub(super) fn set(&self) {
        self.0.store(true, SeqCst);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(SeqCst)
    }
}

/// The run is over before its end: stop where you are. The reason is kept elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stopped;

/// A gate around a value of type `T`.
#[derive(Debug)]
pub(super) struct Gate<T> {
    /// The batch whose turn it is.
    turn: AtomicU64,
    /// Workers parked here.
    waiting: AtomicU32,
    parked: Mutex<()>,
    moved: Condvar,
    /// Only the worker whose turn it is locks this, so it never waits here.
    value: Mutex<T>,
}

/// Tries before a waiting worker gives its processor away, and before it parks. The turn before is short as a rule.
const SPINS: u32 = 256;
const YIELDS: u32 = 16;

impl<T> Gate<T> {
    pub(super) fn new(value: T) -> Self {
        Gate {
            turn: AtomicU64::new(0),
            waiting: AtomicU32::new(0),
            parked: Mutex::new(()),
            moved: Condvar::new(),
            value: Mutex::new(value),
        }
    }

    /// Waits for the turn of batch `number`.
    pub(super) fn enter(&self, number: u64, poison: &Poison) -> Result<Turn<'_, T>, Stopped> {
        for tries in 0..SPINS + YIELDS {
            if poison.is_set() {
                return Err(Stopped);
            }
            if self.turn.load(SeqCst) == number {
                return Ok(self.take_turn(number));
            }
            if tries < SPINS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        let mut guard = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        // Announce first, look then: whoever passes the turn looks at `waiting` after moving it.
        self.waiting.fetch_add(1, SeqCst);
        while self.turn.load(SeqCst) != number && !poison.is_set() {
            guard = self.moved.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.waiting.fetch_sub(1, SeqCst);
        drop(guard);
        if poison.is_set() { Err(Stopped) } else { Ok(self.take_turn(number)) }
    }

    fn take_turn(&self, number: u64) -> Turn<'_, T> {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        Turn { gate: self, number, value: Some(value) }
    }

    /// Wakes whoever is parked here, because the turn moved or the run was poisoned.
    pub(super) fn wake(&self) {
        if self.waiting.load(SeqCst) > 0 {
            let _guard = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
            self.moved.notify_all();
        }
    }

    /// The value, once all turns are over.
    pub(super) fn into_inner(self) -> T {
        self.value.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch's turn at a gate; dropping it lets the next batch in.
#[derive(Debug)]
pub(super) struct Turn<'g, T> {
    gate: &'g Gate<T>,
    number: u64,
    value: Option<MutexGuard<'g, T>>,
}

impl<T> Turn<'_, T> {
    /// The guarded value. `None` cannot happen before the turn is dropped.
    pub(super) fn value(&mut self) -> Option<&mut T> {
        self.value.as_deref_mut()
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        self.gate.turn.store(self.number + 1, SeqCst);
        self.gate.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn batches_pass_in_order_whatever_the_order_of_arrival() {
        let gate = Arc::new(Gate::new(Vec::new()));
        let poison = Arc::new(Poison::default());
        let workers: Vec<_> = (0..8)
            .rev()
            .map(|number| {
                let (gate, poison) = (gate.clone(), poison.clone());
                std::thread::spawn(move || {
                    gate.enter(number, &poison).unwrap().value().unwrap().push(number);
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(Arc::into_inner(gate).unwrap().into_inner(), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn poison_frees_a_parked_worker() {
        let gate = Arc::new(Gate::new(()));
        let poison = Arc::new(Poison::default());
        let waiter = {
            let (gate, poison) = (gate.clone(), poison.clone());
            std::thread::spawn(move || gate.enter(5, &poison).map(drop))
        };
        while gate.waiting.load(SeqCst) == 0 {
            std::thread::yield_now();
        }
        poison.set();
        gate.wake();
        assert_eq!(waiter.join().unwrap(), Err(Stopped));
    }

    #[test]
    fn a_panic_during_a_turn_still_passes_it() {
        let gate = Arc::new(Gate::new(0));
        let poison = Poison::default();
        let inner = gate.clone();
        let result = std::thread::spawn(move || {
            let mut turn = inner.enter(0, &Poison::default()).unwrap();
            *turn.value().unwrap() = 7;
            panic!("on purpose");
        });
        assert!(result.join().is_err());
        assert_eq!(gate.enter(1, &poison).unwrap().value(), Some(&mut 7));
    }
}
