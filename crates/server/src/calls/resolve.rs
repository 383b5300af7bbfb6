//! From the people a request names to contacts of the database. Whatever is wrong is refused with a pointer before anything
//! is written.

mod check;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use farhand_domain::{
    call::{Invited, Invitee, Stage, Successor},
    ids::ContactId,
    policy::Policy,
    time::Timestamp,
};
use farhand_protocol::{
    ErrorCode, Problem,
    auth::Role,
    call::{CallLogContact, TeamRef},
};
use farhand_store::{
    Store,
    model::{Invitation, InvitedTeam, NewGuest, Team, User},
};

use check::{check_addresses, check_language, check_lengths};

use super::{
    reaching::Reachable,
    teams::{Called, TeamNote},
};
use crate::{
    auth::has_role,
    directory::Directory,
    http::{Fail, Outcome},
    notify::Notify,
    teams::wanted_tags,
    ws::Hub,
};

/// People in one request.
pub const MAX_INVITED: usize = 500;
/// Whom a request invites.
pub struct Resolved {
    /// Everybody invited, members of teams included, with the addresses of the request.
    pub invited: Vec<Invitation>,
    pub teams: Vec<InvitedTeam>,
    /// Who is rung, who counts as nobody, and who is rung after whom.
    pub ask: Invited,
    /// What became of the teams.
    pub notes: Vec<TeamNote>,
}

/// What decides who counts.
pub struct Terms<'a> {
    pub domain_id: i64,
    pub domain: &'a str,
    pub caller: i64,
    pub creator: i64,
    pub brokered: bool,
    /// Messages may go to the addresses of accounts.
    pub stored: bool,
    /// When it rings.
    pub at: Timestamp,
    pub now: Timestamp,
    /// Teams are not rung: the call waits in their queues.
    pub queued: bool,
}

pub struct Resolver<'a> {
    pub directory: &'a Directory,
    pub store: &'a dyn Store,
    pub policy: &'a Policy,
    pub notify: &'a Notify,
    pub hub: &'a Hub,
    pub terms: Terms<'a>,
}

/// A person of the request, found but not yet a contact.
enum Found {
    User(Arc<User>),
    Guest { display_name: String },
}

struct Named<'a> {
    found: Found,
    request: Option<&'a CallLogContact>,
    /// For members of an invited team: which of the teams.
    group: Option<usize>,
}

impl Resolver<'_> {
    pub async fn resolve(&self, contacts: &[CallLogContact], teams: &[TeamRef]) -> Outcome<Resolved> {
        if contacts.len() + teams.len() > MAX_INVITED {
            let detail = format!("At most {MAX_INVITED} people and teams can be invited at once.");
            return Err(Problem::new(ErrorCode::TooManyInvited, detail).at("/invitedContacts").into());
        }
        let mut named = Vec::new();
        for (index, contact) in contacts.iter().enumerate() {
            let at = format!("/invitedContacts/{index}");
            named.push(Named { found: self.find(contact, &at).await?, request: Some(contact), group: None });
        }
        let (mut called, mut in_queues) = (Vec::new(), false);
        for (index, wanted) in teams.iter().enumerate() {
            let at = format!("/invitedTeams/{index}");
            let team = self.find_team(wanted, &at).await?;
            let tags = wanted_tags(&wanted.tags, &format!("{at}/tags"))?;
            if self.terms.queued {
                in_queues |= !self.members(&team).await?.is_empty();
                called.push(Called::waited_for(&team, &tags));
            } else {
                called.push(self.call_team(&team, &tags).await?);
            }
        }
        named.extend(members(&called));
        drop_repeated(&mut named);
        if named.len() > MAX_INVITED {
            let detail =
                format!("With all team members {} people would be rung, more than {MAX_INVITED}.", named.len());
            return Err(Problem::new(ErrorCode::TooManyInvited, detail).at("/invitedTeams").into());
        }
        if !in_queues {
            self.refuse_if_nobody_counts(&named)?;
        }
        self.make_contacts(named, called).await
    }

    /// A team that comes by itself, which may be nobody.
    pub(super) async fn resolve_team(&self, team: &Team) -> Outcome<Resolved> {
        let called = vec![self.call_team(team, &BTreeSet::new()).await?];
        let mut named = members(&called);
        drop_repeated(&mut named);
        named.truncate(MAX_INVITED);
        self.make_contacts(named, called).await
    }

    async fn find(&self, contact: &CallLogContact, at: &str) -> Outcome<Found> {
        check_lengths(contact, at)?;
        check_addresses(contact, at)?;
        check_language(contact, at)?;
        let foreign = contact.domain.as_deref().is_some_and(|domain| domain != self.terms.domain);
        let unknown = || {
            let detail = "There is no such user in your domain.";
            Fail::from(Problem::new(ErrorCode::UnknownContact, detail).at(at))
        };
        if contact.user_db_id.is_none() && contact.user_id.is_none() {
            return self.guest(contact, at).await;
        }
        if foreign {
            return Err(unknown());
        }
        let by_id = match contact.user_db_id {
            Some(id) => Some(self.directory.user(id).await?.filter(|u| self.callable(u)).ok_or_else(unknown)?),
            None => None,
        };
        let by_login = match &contact.user_id {
            Some(login) => {
                let user = self.directory.user_by_login(self.terms.domain, login).await?;
                Some(user.filter(|u| self.callable(u)).ok_or_else(unknown)?)
            }
            None => None,
        };
        match (by_id, by_login) {
            (Some(a), Some(b)) if a.id != b.id => {
                let detail = "userDbId and userId name different users.";
                Err(Problem::new(ErrorCode::ContactMismatch, detail).at(at).into())
            }
            (Some(user), _) | (None, Some(user)) => Ok(Found::User(user)),
            (None, None) => Err(unknown()),
        }
    }

    pub(super) fn callable(&self, user: &User) -> bool {
        user.domain_id == self.terms.domain_id && !user.disabled
    }

    async fn guest(&self, contact: &CallLogContact, at: &str) -> Outcome<Found> {
        let Some(address) = contact.email.as_ref().or(contact.phone_number.as_ref()) else {
            let detail = "Name a user by userDbId or userId, or give a guest's email or phoneNumber.";
            return Err(Problem::new(ErrorCode::ContactUnreachable, detail).at(at).into());
        };
        let allowed = self.directory.domain(self.terms.domain_id).await?.is_some_and(|domain| domain.guests_allowed);
        if !allowed {
            let detail = "This domain does not allow guests.";
            return Err(Problem::new(ErrorCode::GuestsNotAllowed, detail).at(at).into());
        }
        Ok(Found::Guest { display_name: contact.display_name.clone().unwrap_or_else(|| address.clone()) })
    }

    pub(super) async fn find_team(&self, wanted: &TeamRef, at: &str) -> Outcome<Team> {
        let teams = self.directory.teams(self.terms.domain_id).await?;
        let unknown =
            || Fail::from(Problem::new(ErrorCode::UnknownTeam, "There is no such team in your domain.").at(at));
        if wanted.domain.as_deref().is_some_and(|domain| domain != self.terms.domain) {
            return Err(unknown());
        }
        let team = match (wanted.id, &wanted.name) {
            (Some(id), _) => teams.iter().find(|team| team.id == id),
            (None, Some(name)) => teams.iter().find(|team| team.name == *name),
            (None, None) => None,
        };
        let team = team.ok_or_else(unknown)?;
        if wanted.name.as_ref().is_some_and(|name| *name != team.name) {
            let detail = "The team's id and name disagree.";
            return Err(Problem::new(ErrorCode::TeamMismatch, detail).at(at).into());
        }
        Ok(team.clone())
    }

    fn counts(&self, found: &Found) -> bool {
        user_of(found).is_none_or(|user| self.user_counts(user))
    }

    /// In a brokered call the caller, connectors and the creator itself count as nobody.
    pub(super) fn user_counts(&self, user: &User) -> bool {
        let nobody = self.terms.brokered && (user.id == self.terms.caller || has_role(user, Role::Connector));
        user.id != self.terms.creator && !nobody
    }

    fn refuse_if_nobody_counts(&self, named: &[Named<'_>]) -> Outcome<()> {
        if !self.terms.brokered || named.iter().any(|n| self.counts(&n.found)) {
            return Ok(());
        }
        let detail = "Beside the connector and the creator somebody has to be invited who can take the call.";
        Err(Problem::new(ErrorCode::NobodyToCall, detail).at("/invitedContacts").into())
    }

    async fn make_contacts(&self, named: Vec<Named<'_>>, called: Vec<Called>) -> Outcome<Resolved> {
        let users: Vec<_> = named.iter().filter_map(|n| user_of(&n.found)).map(|user| user.id).collect();
        let guests: Vec<_> = named
            .iter()
            .filter_map(|n| match &n.found {
                Found::Guest { display_name } => {
                    Some(NewGuest { domain_id: self.terms.domain_id, display_name: display_name.clone() })
                }
                Found::User(_) => None,
            })
            .collect();
        let mut users = self.directory.contacts(&users).await?.into_iter();
        let mut guests =
            if guests.is_empty() { Vec::new() } else { self.store.create_guests(&guests).await? }.into_iter();
        let domain = self.directory.domain(self.terms.domain_id).await?;
        let mut resolved =
            Resolved { invited: Vec::new(), teams: Vec::new(), ask: Invited::default(), notes: Vec::new() };
        let mut rung = Rung::default();
        for person in named {
            let contact = match person.found {
                Found::User(_) => users.next(),
                Found::Guest { .. } => guests.next(),
            };
            let contact = contact.ok_or_else(|| Fail::internal("the store returned too few contacts"))?;
            let id = ContactId(contact.id);
            if self.counts(&person.found) {
                let user = user_of(&person.found).map(|user| user.id);
                let reachable = Reachable::find(self.directory, domain.as_deref(), user).await?;
                let ring_for = self.ring_for(&reachable, &person);
                resolved.ask.people.push(Invitee { contact: id, ring_for });
                // A request waits; nobody is asked in the place of others.
                let behind = behind(id, &reachable, &person).filter(|_| !self.terms.queued);
                resolved.ask.successors.extend(behind);
                rung.add(user, id, person.group);
            } else if user_of(&person.found).is_some_and(|user| user.id != self.terms.creator) {
                resolved.ask.brokers.push(id);
            }
            let request = person.request.cloned().unwrap_or_default();
            resolved.invited.push(Invitation {
                display_name: request.display_name.unwrap_or_else(|| contact.display_name.clone()),
                email: request.email,
                phone: request.phone_number,
                language: request.language,
                contact,
            });
        }
        for (group, called) in called.into_iter().enumerate() {
            if let Some(chosen) = called.chosen {
                let users = chosen.members.iter().map(|user| user.id);
                let contacts: Vec<_> = users.filter_map(|user| rung.contacts.get(&user).copied()).collect();
                let fresh = rung.groups.remove(&group).unwrap_or_default();
                let (hunt, successor) = chosen.turns(&contacts, &fresh);
                resolved.ask.hunts.extend(hunt);
                resolved.ask.successors.extend(successor);
            }
            let known = &mut resolved.teams;
            for team in called.teams {
                if !known.iter().any(|known| known.id == team.id) {
                    known.push(team);
                }
            }
            resolved.notes.extend(called.notes);
        }
        Ok(resolved)
    }

    /// Whoever gets a message has to be given the time to read it.
    fn ring_for(&self, reachable: &Reachable, person: &Named<'_>) -> Duration {
        let (email, phone) =
            person.request.map_or((None, None), |to| (to.email.as_deref(), to.phone_number.as_deref()));
        let messages = reachable.messages(email, phone, self.terms.stored);
        let messaged = messages.iter().any(|message| self.notify.has(message.target.channel()));
        if messaged { self.policy.message_ring } else { self.policy.popup_ring }
    }
}

/// Who is rung, by user and by the team that was first to name them.
#[derive(Default)]
struct Rung {
    contacts: HashMap<i64, ContactId>,
    groups: HashMap<usize, HashSet<ContactId>>,
}

impl Rung {
    fn add(&mut self, user: Option<i64>, contact: ContactId, group: Option<usize>) {
        self.contacts.extend(user.map(|user| (user, contact)));
        if let Some(group) = group {
            self.groups.entry(group).or_default().insert(contact);
        }
    }
}

/// The team that is asked when somebody who was invited in person does not answer.
fn behind(contact: ContactId, reachable: &Reachable, person: &Named<'_>) -> Option<Successor> {
    let (team, after) = reachable.ways.team?;
    user_of(&person.found).filter(|_| person.group.is_none())?;
    Some(Successor { team, of: vec![contact], after: Some(after), stage: Stage::Waits })
}

fn members<'a>(called: &[Called]) -> Vec<Named<'a>> {
    let mut all = Vec::new();
    for (group, chosen) in
        called.iter().enumerate().filter_map(|(group, called)| Some((group, called.chosen.as_ref()?)))
    {
        let named = |user: &Arc<User>| Named { found: Found::User(user.clone()), request: None, group: Some(group) };
        all.extend(chosen.members.iter().map(named));
    }
    all
}

fn user_of(found: &Found) -> Option<&Arc<User>> {
    match found {
        Found::User(user) => Some(user),
        Found::Guest { .. } => None,
    }
}

/// A person invited twice is invited once: as first named, by account or by address.
fn drop_repeated(named: &mut Vec<Named<'_>>) {
    let mut users = HashSet::new();
    let mut guests = HashSet::new();
    named.retain(|person| match (&person.found, person.request) {
        (Found::User(user), _) => users.insert(user.id),
        (Found::Guest { .. }, Some(request)) => guests.insert((request.email.clone(), request.phone_number.clone())),
        (Found::Guest { .. }, None) => true,
    });
}
