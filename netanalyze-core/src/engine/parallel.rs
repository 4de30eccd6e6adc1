//! Work at the end of a run that can be cut into parts: on threads of its own, because the workers have gone.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread::{Builder, ScopedJoinHandle, scope};

/// What `work` makes of each item, in their order. Without threads to be had all of it happens on this one.
///
/// # Panics
/// If `work` panics: with its panic.
pub(super) fn map<T: Sync, R: Send>(
    threads: NonZeroUsize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let part = items.len().div_ceil(threads.get()).max(1);
    let mut parts = items.chunks(part);
    let own = parts.next().unwrap_or_default();
    let do_part = |part: &[T]| part.iter().map(&work).collect::<Vec<R>>();
    scope(|scope| {
        let begin = |part| Builder::new().spawn_scoped(scope, move || do_part(part)).map_err(|_| part);
        let started: Vec<Result<ScopedJoinHandle<'_, Vec<R>>, &[T]>> = parts.map(begin).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_on_any_number_of_threads() {
        for threads in [1, 2, 3, 16] {
            for len in [0, 1, 2, 3, 17, 100] {
                let items: Vec<u32> = (0..len).collect();
                let doubled = map(NonZeroUsize::new(threads).unwrap(), &items, |item| item * 2);
                assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    #[should_panic(expected = "the seventh")]
    fn a_panic_comes_through() {
        map(NonZeroUsize::new(4).unwrap(), &[1, 2, 3, 4, 5, 6, 7, 8], |&item| {
            assert!(item != 7, "the seventh");
        });
    }
}
