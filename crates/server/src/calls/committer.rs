//! Saves calls in groups: whatever waits while one transaction is being synced goes into the next one together.

use std::sync::Arc;

use farhand_store::{
    Store, StoreError, StoreResult,
    model::{CallWrite, Refused, Saved},
};
use tokio::sync::{mpsc, oneshot};

/// Calls in one transaction. More would only make the first of them wait longer.
const MAX_GROUP: usize = 256;
/// Writes that may wait. When these are full, whoever comes next waits as well, which slows the callers down.
const MAX_WAITING: usize = 4096;

type Answer = StoreResult<Result<Saved, Refused>>;

struct Waiting {
    write: CallWrite,
    answer: oneshot::Sender<Answer>,
}

#[derive(Clone)]
pub struct Committer {
    queue: mpsc::Sender<Waiting>,
}

impl Committer {
    pub fn start(store: Arc<dyn Store>) -> Self {
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        tokio::spawn(run(store, waiting));
        Self { queue }
    }

    /// Returns once the write is on disk, or was refused.
    pub async fn save(&self, write: CallWrite) -> Answer {
        let stopped = || StoreError::Unavailable("the server is stopping".to_owned());
        let (answer, answered) = oneshot::channel();
        self.queue.send(Waiting { write, answer }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

async fn run(store: Arc<dyn Store>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    while waiting.recv_many(&mut group, MAX_GROUP).await > 0 {
        let (writes, answers): (Vec<_>, Vec<_>) = group.drain(..).map(|w| (w.write, w.answer)).unzip();
        match store.save_calls(&writes).await {
            Ok(saved) => {
                for (answer, saved) in answers.into_iter().zip(saved) {
                    // Nobody waits for it any more: it is saved all the same.
                    let _ = answer.send(Ok(saved));
                }
            }
            Err(error) => {
                tracing::error!(%error, calls = answers.len(), "calls could not be saved");
                for answer in answers {
                    let _ = answer.send(Err(StoreError::Unavailable(error.to_string())));
                }
            }
        }
    }
}
