//! Server-Sent Events: what happens, as it happens, from wherever somebody was. What is sent is read from the database, so that nothing
//! waits in memory for a client that reads slowly: such a one is left, and goes on from its last event.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::response::sse::Event;
use farhand_protocol::auth::Role;
use farhand_store::model::FeedFilter;
use futures_util::{Stream, stream};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use super::{Place, told};
use crate::{app::App, auth::Login, http::Outcome};

/// How long news are gathered: a call's set-up is several steps, and each look is a question to the database.
const GATHER: Duration = Duration::from_millis(50);
/// How often it is looked whether the login is still good, and whether something was missed: a question or two to the database.
const LOOK: Duration = Duration::from_secs(1);
/// The time between two signs of life. Proxies give up on a silent connection after a minute, some after half of one.
const BEAT: Duration = Duration::from_secs(15);
/// Events read at once.
const PAGE: u64 = 100;
/// Events that may wait for the connection to take them.
const WAITING: usize = 16;
/// After how long a client tries again that has lost the connection.
const RETRY: Duration = Duration::from_secs(2);

/// Somebody who follows along.
pub struct Follower {
    pub app: Arc<App>,
    pub token: String,
    /// The last number that is known.
    pub after: i64,
}

/// What a user may follow: administrators the domain, others the calls they made, created or were invited to.
pub fn filter(login: &Login, after: i64, limit: u64) -> FeedFilter {
    let member = (!login.has(Role::Admin)).then_some(login.user.id);
    FeedFilter { domain_id: login.user.domain_id, member, after, limit }
}

/// The place is kept until the connection has ended.
pub fn follow(follower: Follower, place: Place) -> impl Stream<Item = Result<Event, Infallible>> {
    let (events, taken) = mpsc::channel(WAITING);
    tokio::spawn(follower.run(events));
    stream::unfold((taken, place), async |(mut taken, place)| {
        let event = taken.recv().await?;
        Some((Ok(event), (taken, place)))
    })
}

/// Why a stream ends: the client has gone, or takes nothing.
struct Gone;

impl Follower {
    async fn run(mut self, to: mpsc::Sender<Event>) {
        let app = self.app.clone();
        tokio::select! {
            _ = self.tell(&to) => {}
            () = to.closed() => {}
            () = app.stopped() => {}
        }
    }

    async fn tell(&mut self, to: &mpsc::Sender<Event>) -> Result<(), Gone> {
        let mut news = self.app.store.news();
        let mut sent = Instant::now();
        self.send(to, Event::default().retry(RETRY)).await?;
        loop {
            news.borrow_and_update();
            match self.page().await {
                Ok((events, more)) => {
                    for event in events {
                        self.send(to, event).await?;
                        sent = Instant::now();
                    }
                    if more {
                        continue;
                    }
                }
                Err(fail) => {
                    let problem = Event::default().event("problem").json_data(&*fail.0);
                    return self.send(to, problem.unwrap_or_default()).await;
                }
            }
            if sent.elapsed() >= BEAT {
                // Without data it is no event; the id is taken over, so that what others did is not gone through again.
                self.send(to, Event::default().id(self.after.to_string())).await?;
                sent = Instant::now();
            }
            tokio::select! {
                _ = news.changed() => tokio::time::sleep(GATHER).await,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// What there is now, and whether there is more.
    async fn page(&mut self) -> Outcome<(Vec<Event>, bool)> {
        let login = self.app.auth.check(&self.token).await?;
        let page = self.app.store.feed(&filter(&login, self.after, PAGE)).await?;
        self.after = page.next;
        let event = |event: farhand_store::model::FeedEvent| {
            let id = event.number.to_string();
            let told = told::event(event);
            // Texts and numbers: this cannot fail.
            Event::default().id(id).event(&told.kind).json_data(&told).unwrap_or_default()
        };
        Ok((page.events.into_iter().map(event).collect(), page.next < page.end))
    }

    async fn send(&self, to: &mpsc::Sender<Event>, event: Event) -> Result<(), Gone> {
        offer(to, event, Duration::from_secs(self.app.config.http.patience_seconds)).await
    }
}

async fn offer(to: &mpsc::Sender<Event>, event: Event, patience: Duration) -> Result<(), Gone> {
    match timeout(patience, to.send(event)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_left_and_one_that_does_is_waited_for() {
        let (to, mut taken) = mpsc::channel(1);
        let short = Duration::from_millis(20);
        assert!(offer(&to, Event::default(), short).await.is_ok(), "there is room");
        assert!(offer(&to, Event::default(), short).await.is_err(), "nobody takes it");
        let long = Duration::from_mins(1);
        let (offered, first) = tokio::join!(offer(&to, Event::default(), long), taken.recv());
        assert!(offered.is_ok() && first.is_some());
        drop(taken);
        assert!(offer(&to, Event::default(), long).await.is_err(), "the connection has ended");
    }
}
