//! Shows queues to whoever waits in them and to the experts of their teams, a few times a second at most however much happens.

use std::{sync::Arc, time::Duration};

use farhand_domain::ids::{ContactId, TeamId};
use farhand_protocol::{
    call::TeamRef,
    frame::ServerFrame,
    request::{ServiceRequests, TeamRequests},
};
use farhand_store::model::{Team, User};

use super::Shown;
use crate::{app::App, http::Outcome, ws::Session};

/// Shorter looks livelier, and costs more when many come at once.
const GATHER: Duration = Duration::from_millis(250);
/// How often expected waits are told although nobody has come or gone, in times of [`GATHER`].
const TELL_AGAIN: u32 = 120;

pub async fn run(app: Arc<App>) {
    for round in 0_u32.. {
        tokio::time::sleep(GATHER).await;
        for team in app.queues.changed(round % TELL_AGAIN == 0) {
            if let Err(fail) = show(&app, team).await {
                tracing::warn!(team = team.0, problem = %fail.0, "a queue could not be shown");
            }
        }
    }
}

async fn show(app: &App, team_id: TeamId) -> Outcome<()> {
    let online = app.hub.online();
    for (entry, place) in app.queues.places(app.clock.now(), team_id, &online) {
        for session in app.hub.sessions_of(entry.technician) {
            session.send(ServerFrame::RequestPlace { call_id: entry.call_id, place });
        }
    }
    let Some(shown) = app.queues.shown(team_id) else { return Ok(()) };
    let teams = app.directory.teams(shown.domain_id).await?;
    let Some(team) = teams.iter().find(|team| team.id == team_id.0) else { return Ok(()) };
    let contacts = app.directory.contacts(&team.members).await?;
    let there: Vec<_> = contacts.iter().map(|contact| ContactId(contact.id)).filter(|c| online.contains(c)).collect();
    if there.is_empty() {
        return Ok(());
    }
    let frame = ServerFrame::Requests { queue: wire(team, &shown) };
    for session in there.into_iter().flat_map(|contact| app.hub.sessions_of(contact)) {
        session.send(frame.clone());
    }
    Ok(())
}

fn wire(team: &Team, shown: &Shown) -> TeamRequests {
    let id = TeamId(team.id);
    let requests = shown.entries.iter().filter_map(|entry| Some(entry.wire(entry.key_in(id)?.0)));
    TeamRequests {
        team: TeamRef { id: Some(team.id), name: Some(team.name.clone()), ..TeamRef::default() },
        waiting: u32::try_from(shown.waiting).unwrap_or(u32::MAX),
        requests: requests.collect(),
    }
}

impl App {
    /// What waits for somebody's teams.
    pub async fn waiting_for(&self, user: &User) -> Outcome<ServiceRequests> {
        let teams = self.directory.teams(user.domain_id).await?;
        let own = teams.iter().filter(|team| team.members.contains(&user.id));
        let empty = || Shown { domain_id: user.domain_id, waiting: 0, entries: Vec::new() };
        let teams = own.map(|team| wire(team, &self.queues.shown(TeamId(team.id)).unwrap_or_else(empty)));
        Ok(ServiceRequests { teams: teams.collect() })
    }

    /// Shows a new session what waits for its user's teams.
    pub async fn show_queues(&self, session: &Session) {
        let Some(login) = session.principal.login() else { return };
        match self.waiting_for(&login.user).await {
            Ok(waiting) => {
                for queue in waiting.teams.into_iter().filter(|queue| !queue.requests.is_empty()) {
                    session.send(ServerFrame::Requests { queue });
                }
            }
            Err(fail) => tracing::warn!(problem = %fail.0, "a session could not be shown what waits"),
        }
    }
}
