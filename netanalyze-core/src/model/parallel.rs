//! Work that can be cut into parts, when a capture was read to its end: on threads of its own, because the workers have gone.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, scope};

/// What `work` makes of each item, in their order. Without threads to be had all of it happens on this one.
///
/// # Panics
/// If `work` panics: with its panic.
pub(crate) fn map<T: Send, R: Send>(
    threads: NonZeroUsize,
    items: &mut [T],
    work: impl Fn(&mut T) -> R + Sync,
) -> Vec<R> {
    let part = items.len().div_ceil(threads.get()).max(1);
    let parts: Vec<Mutex<&mut [T]>> = items.chunks_mut(part).map(Mutex::new).collect();
    // Each is asked for once: a lock, for the case that its thread cannot be had.
    let do_part = |part: &Mutex<&mut [T]>| {
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        part.iter_mut().map(&work).collect::<Vec<R>>()
    };
    let Some((own, others)) = parts.split_first() else { return Vec::new() };
    scope(|scope| {
        let begin = |part| Builder::new().spawn_scoped(scope, move || do_part(part)).map_err(|_| part);
        let started: Vec<_> = others.iter().map(begin).collect();
        let mut done = do_part(own);
        for part in started {
            done.extend(match part {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(part) => do_part(part),
            });
        }
        done
    })
}

/// Does `other` on a thread of its own while this one does `own`, if there may be two and one is to be had; otherwise first the one, then the other.
///
/// # Panics
/// If either panics: with its panic.
pub(crate) fn beside<R>(threads: NonZeroUsize, other: impl FnOnce() + Send, own: impl FnOnce() -> R) -> R {
    // Asked for once: a lock, for the case that its thread cannot be had.
    let other = Mutex::new(Some(other));
    let do_other = || {
        let other = other.lock().unwrap_or_else(PoisonError::into_inner).take();
        other.into_iter().for_each(|other| other());
    };
    scope(|scope| {
        let started =
            (threads.get() > 1).then(|| Builder::new().spawn_scoped(scope, do_other).ok()).flatten();
        let done = own();
        match started {
            Some(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            None => do_other(),
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_on_any_number_of_threads() {
        for threads in [1, 2, 3, 16] {
            for len in [0, 1, 2, 3, 17, 100] {
                let mut items: Vec<u32> = (0..len).collect();
                let doubled = map(NonZeroUsize::new(threads).unwrap(), &mut items, |item| *item * 2);
                assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn both_are_done_on_one_thread_or_two() {
        for threads in [1, 2] {
            let mut done = false;
            let own = beside(NonZeroUsize::new(threads).unwrap(), || done = true, || 7);
            assert_eq!((own, done), (7, true));
        }
    }

    #[test]
    #[should_panic(expected = "the seventh")]
    fn a_panic_comes_through() {
        map(NonZeroUsize::new(4).unwrap(), &mut [1, 2, 3, 4, 5, 6, 7, 8], |&mut item| {
            assert!(item != 7, "the seventh");
        });
    }
}
