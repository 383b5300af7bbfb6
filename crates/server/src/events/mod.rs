//! What happens in calls, for programs that follow along: what it is called, and streams of it.

pub mod stream;
pub mod told;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Streams of one user at once. A program needs one; some more are for those that broke off and are not known to have, yet.
pub const STREAMS_PER_USER: usize = 10;

/// Who follows along.
#[derive(Default)]
pub struct Streams {
    of_users: Arc<Mutex<HashMap<i64, usize>>>,
}

/// Room for a stream, until it is dropped.
pub struct Place {
    of_users: Arc<Mutex<HashMap<i64, usize>>>,
    user: i64,
}

impl Streams {
    /// Nothing if this user has too many.
    pub fn enter(&self, user: i64) -> Option<Place> {
        let mut of_users = lock(&self.of_users);
        let count = of_users.entry(user).or_default();
        if *count >= STREAMS_PER_USER {
            return None;
        }
        *count += 1;
        Some(Place { of_users: self.of_users.clone(), user })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut of_users = lock(&self.of_users);
        if let Some(count) = of_users.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                of_users.remove(&self.user);
            }
        }
    }
}

fn lock(of_users: &Mutex<HashMap<i64, usize>>) -> MutexGuard<'_, HashMap<i64, usize>> {
    of_users.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_so_many_streams_and_whoever_leaves_makes_room() {
        let streams = Streams::default();
        let mut places: Vec<_> = (0..STREAMS_PER_USER).map(|_| streams.enter(7).unwrap()).collect();
        assert!(streams.enter(7).is_none());
        assert!(streams.enter(8).is_some(), "others have their own");
        places.pop();
        assert!(streams.enter(7).is_some());
        places.clear();
        assert!(lock(&streams.of_users).is_empty(), "nothing is kept of who is gone");
    }
}
