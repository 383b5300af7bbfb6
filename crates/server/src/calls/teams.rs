//! Teams in calls: who of an invited one is rung and in which order, who is passed over, and teams that come when others do not answer.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use farhand_domain::{
    call::{Absence, Call, Effect, Event, Hunt, Invited, Stage, Successor},
    ids::{ContactId, TeamId},
    reach::Quiet,
    team::{self, Member, Nobody, Strategy},
    time::Timestamp,
};
use farhand_protocol::ErrorCode;
use farhand_store::model::{CallRecord, HistoryRow, Invitation, InvitedTeam, Team, User};

use super::{
    Shared,
    actor::CallActor,
    change::Extra,
    log,
    reaching::Reachable,
    refusal::refused,
    resolve::{self, Resolved, Resolver},
    rows,
};
use crate::{http::Outcome, teams::TeamSettings};

/// Kinds of the history.
const NEXT_IN_TEAM: &str = "NextInTeam";
const FALLBACK_TEAM: &str = "FallbackTeam";
const NOBODY_IN_TEAM: &str = "NobodyInTeam";

/// Not for guests.
pub(super) const TEAM_KINDS: [&str; 3] = [NEXT_IN_TEAM, FALLBACK_TEAM, NOBODY_IN_TEAM];

/// What the history says of a team.
#[derive(Debug, Clone)]
pub struct TeamNote {
    kind: &'static str,
    /// For whom it comes.
    contact: Option<ContactId>,
    team: String,
    why: Option<Nobody>,
}

impl TeamNote {
    pub(super) fn row(self, written: usize, now: Timestamp) -> HistoryRow {
        HistoryRow {
            seq: rows::next_seq(written),
            kind: self.kind.to_owned(),
            contact_id: self.contact.map(|contact| contact.0),
            channel: None,
            state: self.why.map(|why| nobody_name(why).to_owned()),
            reason: Some(self.team),
            at: now,
        }
    }

    fn comes(due: &Successor, team: &Team) -> Self {
        let behind = due.after.and_then(|_| due.of.first().copied());
        let kind = if behind.is_some() { NEXT_IN_TEAM } else { FALLBACK_TEAM };
        Self { kind, contact: behind, team: team.name.clone(), why: None }
    }
}

fn nobody_name(why: Nobody) -> &'static str {
    match why {
        Nobody::AtAll => "noMembers",
        Nobody::OnShift => "nobodyOnShift",
        Nobody::WithTags => "nobodyWithTags",
    }
}

/// Those of a team who are rung.
pub(super) struct Chosen {
    pub team: TeamId,
    pub members: Vec<Arc<User>>,
    /// If they are rung one after another: how long each.
    pub each: Option<Duration>,
    pub next: Option<TeamId>,
}

/// What an invitation of a team comes to.
#[derive(Default)]
pub(super) struct Called {
    /// Nobody, if neither the team nor those after it have anybody.
    pub chosen: Option<Chosen>,
    /// The team that was asked for, and those that are asked in its place.
    pub teams: Vec<InvitedTeam>,
    pub notes: Vec<TeamNote>,
}

impl Called {
    /// A service request does not ring it: it has a queue.
    pub(super) fn waited_for(team: &Team, tags: &BTreeSet<String>) -> Self {
        Self { teams: vec![with_tags(team, tags)], ..Self::default() }
    }
}

pub(super) fn invited_team(team: &Team) -> InvitedTeam {
    with_tags(team, &BTreeSet::new())
}

fn with_tags(team: &Team, tags: &BTreeSet<String>) -> InvitedTeam {
    InvitedTeam { id: team.id, name: team.name.clone(), tags: tags.iter().cloned().collect() }
}

impl Chosen {
    /// What the domain has to know of it: `contacts` are those of the members who are rung, `fresh` those who are not rung for another reason.
    pub(super) fn turns(
        &self,
        contacts: &[ContactId],
        fresh: &HashSet<ContactId>,
    ) -> (Option<Hunt>, Option<Successor>) {
        let hunt = self.each.map(|each| {
            let order = contacts.iter().copied().filter(|contact| fresh.contains(contact)).collect();
            Hunt { team: self.team, order, each }
        });
        let successor =
            self.next.map(|team| Successor { team, of: contacts.to_vec(), after: None, stage: Stage::Waits });
        (hunt, successor)
    }
}

impl Resolver<'_> {
    /// Who of a team is rung; where that is nobody, who of the team after it, and so on.
    pub(super) async fn call_team(&self, first: &Team, wanted: &BTreeSet<String>) -> Outcome<Called> {
        let teams = self.directory.teams(self.terms.domain_id).await?;
        let (mut called, mut asked, anything) = (Called::default(), HashSet::new(), BTreeSet::new());
        let mut at = Some(first);
        while let Some(team) = at.filter(|team| asked.insert(team.id)) {
            // Somebody of the next team who cannot do all that was asked for is better than nobody.
            let wanted = if team.id == first.id { wanted } else { &anything };
            called.teams.push(with_tags(team, wanted));
            let settings = TeamSettings::of(team);
            let members = self.members(team).await?;
            match self.choose(&settings, &members, wanted).await? {
                Ok(order) => {
                    let ordered = settings.strategy() != Strategy::All;
                    called.chosen = Some(Chosen {
                        team: TeamId(team.id),
                        members: order.into_iter().map(|index| members[index].clone()).collect(),
                        each: ordered.then(|| settings.turn()),
                        next: team.next.map(TeamId),
                    });
                    break;
                }
                Err(why) => {
                    let name = team.name.clone();
                    called.notes.push(TeamNote { kind: NOBODY_IN_TEAM, contact: None, team: name, why: Some(why) });
                }
            }
            at = team.next.and_then(|next| teams.iter().find(|team| team.id == next));
            called.notes.extend(at.map(|next| TeamNote {
                kind: FALLBACK_TEAM,
                contact: None,
                team: next.name.clone(),
                why: None,
            }));
        }
        Ok(called)
    }

    /// Those who may be rung at all.
    pub(super) async fn members(&self, team: &Team) -> Outcome<Vec<Arc<User>>> {
        let mut members = Vec::new();
        for id in &team.members {
            let user = self.directory.user(*id).await?;
            members.extend(user.filter(|user| self.callable(user) && self.user_counts(user)));
        }
        Ok(members)
    }

    async fn choose(
        &self,
        settings: &TeamSettings,
        users: &[Arc<User>],
        wanted: &BTreeSet<String>,
    ) -> Outcome<Result<Vec<usize>, Nobody>> {
        let at = self.terms.at;
        let mut members: Vec<_> = users
            .iter()
            .map(|user| Member {
                on_shift: settings.is_on_shift(user.id, at),
                tags: settings.tags(user.id),
                ..Member::default()
            })
            .collect();
        if settings.strategy() != Strategy::All {
            let ids: Vec<_> = users.iter().map(|user| user.id).collect();
            let contacts: Vec<_> = self.directory.contacts(&ids).await?.iter().map(|contact| contact.id).collect();
            let last = match settings.strategy() {
                Strategy::LongestIdle => self.store.last_calls(&contacts).await?,
                Strategy::All | Strategy::OneAfterAnother => HashMap::new(),
            };
            for (member, contact) in members.iter_mut().zip(&contacts) {
                // Who is in a call now may be free again when a planned one begins.
                member.busy = at <= self.terms.now && self.hub.is_in_a_call(ContactId(*contact));
                member.last_call = last.get(contact).copied();
            }
        }
        Ok(team::choose(settings.strategy(), settings.ringing.only_on_shift, wanted, &members))
    }
}

impl Shared {
    /// Goes on at once to the next of a team where nobody is there whose turn has come.
    pub(super) async fn pass_over_absent(
        &self,
        (record, fresh): (&CallRecord, &[Invitation]),
        before: &[ContactId],
        call: &mut Call,
        now: Timestamp,
    ) -> Outcome<Vec<Effect>> {
        let (mut effects, mut looked_at, mut browsers) = (Vec::new(), HashSet::new(), None);
        let user_of = |contact: ContactId| {
            let known = fresh.iter().map(|invitation| &invitation.contact).find(|known| known.id == contact.0);
            log::known_contact(record, contact.0).or(known).and_then(|contact| contact.user_id)
        };
        loop {
            let new = |contact: &ContactId| !before.contains(contact);
            let next = call.in_turn().into_iter().filter(new).find(|contact| looked_at.insert(*contact));
            let Some(contact) = next else { return Ok(effects) };
            // Of all at once: a whole team may be passed over in this step.
            if browsers.is_none() {
                let order = call.state().hunts.iter().flat_map(|hunt| &hunt.order);
                let rung = order.filter(|_| call.state().terms.popup);
                let users: Vec<_> = rung.filter_map(|contact| user_of(*contact)).collect();
                browsers = Some(self.browsers(&users, now).await?);
            }
            let user = user_of(contact);
            let domain = self.directory.domain(record.domain_id).await?;
            let each = call.turn_of(contact).unwrap_or_default();
            let mut person = Reachable::find(&self.directory, domain.as_deref(), user).await?;
            let own = browsers.as_mut().zip(user).and_then(|(browsers, user)| browsers.remove(&user));
            person.browsers = own.unwrap_or_default();
            if let Some(why) = self.absence(contact, &person, record.stored_addresses, each, now) {
                let passed = call.handle(&self.policy, now, Event::PassOver { contact, why }).map_err(refused)?;
                effects.extend(passed);
            }
        }
    }

    fn absence(
        &self,
        contact: ContactId,
        person: &Reachable,
        stored: bool,
        each: Duration,
        now: Timestamp,
    ) -> Option<Absence> {
        match person.ways.quiet(now) {
            Some(Quiet::DoNotDisturb | Quiet::QuietHours) => return Some(Absence::Undisturbed),
            None => {}
        }
        let messages = person.messages(None, None, stored);
        let in_time = messages.iter().any(|message| message.after < each && self.notify.has(message.target.channel()));
        (!in_time && !self.hub.is_online(contact)).then_some(Absence::NotThere)
    }

    pub(super) fn resolver<'a>(&'a self, terms: resolve::Terms<'a>) -> Resolver<'a> {
        Resolver {
            directory: &self.directory,
            store: self.store.as_ref(),
            policy: &self.policy,
            notify: &self.notify,
            hub: &self.hub,
            terms,
        }
    }
}

impl CallActor {
    /// Asks the teams that are due.
    pub(super) async fn call_up_teams(&mut self) -> Outcome<()> {
        loop {
            let due = self.call.due_teams().next().cloned();
            let Some(due) = due else { return Ok(()) };
            let (invited, extra) = self.people_of(&due).await?;
            let team = due.team;
            match self.step(Event::TeamComes { team, invited }, extra).await {
                Err(fail) if fail.0.code == ErrorCode::CallFull => {
                    self.step(Event::TeamComes { team, invited: Invited::default() }, Extra::default()).await?;
                }
                done => done?,
            }
        }
    }

    /// Those of a team, or of the teams after it, who are not in the call yet.
    async fn people_of(&mut self, due: &Successor) -> Outcome<(Invited, Extra)> {
        let shared = self.shared.clone();
        let record = self.record.clone();
        let teams = shared.directory.teams(record.domain_id).await?;
        // Removed meanwhile.
        let Some(team) = teams.iter().find(|team| TeamId(team.id) == due.team) else {
            return Ok((Invited::default(), Extra::default()));
        };
        let now = shared.clock.now();
        let resolver = shared.resolver(resolve::Terms {
            domain_id: record.domain_id,
            domain: &record.creator.domain,
            caller: record.maker.user_id.unwrap_or_default(),
            creator: record.creator.user_id.unwrap_or_default(),
            brokered: record.maker.id != record.creator.id,
            stored: record.stored_addresses,
            queued: false,
            at: now,
            now,
        });
        let Resolved { invited, teams, ask, mut notes } = resolver.resolve_team(team).await?;
        notes.insert(0, TeamNote::comes(due, team));
        self.learn_names(&ask.successors).await;
        let in_call = |contact: ContactId| self.call.person(contact).is_some();
        let known = |team: &InvitedTeam| record.teams.contains(team);
        let ask = without(ask, in_call);
        let extra = Extra {
            invited: invited.into_iter().filter(|invitation| !in_call(ContactId(invitation.contact.id))).collect(),
            teams: teams.into_iter().filter(|team| !known(team)).collect(),
            team_notes: notes,
            ..Extra::default()
        };
        Ok((ask, extra))
    }

    /// What teams are called that may come.
    pub(super) async fn learn_names(&mut self, successors: &[Successor]) {
        if successors.iter().all(|successor| self.team_names.contains_key(&successor.team)) {
            return;
        }
        match self.shared.directory.teams(self.record.domain_id).await {
            Ok(teams) => self.team_names.extend(teams.iter().map(|team| (TeamId(team.id), team.name.clone()))),
            // It is only shown without its name.
            Err(error) => tracing::warn!(call_id = %self.record.call_id, %error, "teams' names cannot be read"),
        }
    }

    /// The team that comes if nobody answers of those who are rung.
    pub(super) fn next_team(&self) -> Option<String> {
        let next = self.call.state().successors.first()?;
        self.team_names.get(&next.team).cloned()
    }
}

/// Whoever is in the call already, or was asked before, is left out.
fn without(mut ask: Invited, in_call: impl Fn(ContactId) -> bool) -> Invited {
    ask.people.retain(|invitee| !in_call(invitee.contact));
    ask.brokers.retain(|broker| !in_call(*broker));
    for hunt in &mut ask.hunts {
        hunt.order.retain(|contact| !in_call(*contact));
    }
    ask
}
