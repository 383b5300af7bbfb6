//! How many files the server may have open. Each connection is one, and what a process gets unasked is often 1,024, for the sake
//! of old programs; how many it may ask for is the administrator's choice.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as are allowed, and says how many that is.
pub fn take_all_allowed() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let limit = getrlimit(Resource::Nofile).current;
    tracing::info!(limit = words(limit), before = words(current), "open files");
}

fn words(limit: Option<u64>) -> String {
    limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string())
}
