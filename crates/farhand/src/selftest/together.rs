//! Three in a call: through the SFU from the start, and in a MESH call that a third person turns into an SFU call.

use std::{collections::BTreeMap, sync::Arc};

use farhand_client::{
    clip::{Clip, Tally},
    rest::Rest,
};
use farhand_protocol::{
    call::{CallLog, CallStatus, CallType, CreateCallRequest},
    frame::MediaMode,
};
use futures_util::future::{join_all, try_join_all};
use uuid::Uuid;

use super::{
    Failure, Options,
    log::{Expected, check},
    people::{Person, Quirk, log_in},
    scenario::{as_contact, deviation, log_of},
    simulcast,
    story::Story,
};

/// Frames that must have gone directly before the third person comes.
const BEFORE: u64 = 10;

pub(super) async fn play(base_url: &str, options: &Options, story: &Story) -> Result<[CallLog; 2], Failure> {
    let through_sfu = three_through_the_sfu(base_url, options, story).await?;
    let grown = mesh_that_grows(base_url, options, story).await?;
    Ok([through_sfu, grown])
}

async fn three_through_the_sfu(base_url: &str, options: &Options, story: &Story) -> Result<CallLog, Failure> {
    let mut people = enter(base_url, options, [Quirk::None, Quirk::HasOnlyTheRelay, Quirk::HasOnlyTcp], story).await?;
    story.tell(format!("{} has only the relay, {} only TCP", people[1].name, people[2].name));
    let call_id = create(&people, CallType::Sfu, story).await?;
    for person in &mut people {
        person.join(call_id, story).await?;
        story.tell(format!("{} joined", person.name));
    }
    all_see_all(&mut people, options.frames, options, story).await?;
    tell_slots(&people, story)?;
    simulcast::play(&mut people, call_id, options, story).await?;
    let users = users(&people);
    let joins = users.map(|user| of("Join", user));
    end(&mut people, call_id, &[&[of("Created", users[0])], &joins[..]].concat(), story).await
}

async fn mesh_that_grows(base_url: &str, options: &Options, story: &Story) -> Result<CallLog, Failure> {
    let mut people = enter(base_url, options, [Quirk::None; 3], story).await?;
    let call_id = create(&people, CallType::Mesh, story).await?;
    for person in &mut people[..2] {
        person.join(call_id, story).await?;
        story.tell(format!("{} joined", person.name));
    }
    all_see_all(&mut people[..2], BEFORE, options, story).await?;
    story.tell("two talk directly");
    people[2].join(call_id, story).await?;
    story.tell(format!("{} joined as the third", people[2].name));
    all_see_all(&mut people, options.frames, options, story).await?;
    for person in &people {
        if person.mode() != Some(MediaMode::Sfu) {
            return deviation(format!("The media of {} do not go through the server", person.name));
        }
    }
    story.tell("all three talk through the server");
    let users = users(&people);
    let mut expected = vec![of("Created", users[0])];
    expected.extend(users.map(|user| of("Join", user)));
    expected.push(of("TypeChanged", users[2]));
    end(&mut people, call_id, &expected, story).await
}

async fn enter(base_url: &str, options: &Options, quirks: [Quirk; 3], story: &Story) -> Result<[Person; 3], Failure> {
    let cannot = |error| Failure::Rest { what: format!("Using {base_url}"), error };
    let server = Rest::new(base_url).map_err(cannot)?;
    let clip = Arc::new(Clip::with_simulcast().map_err(Failure::Clip)?);
    story.waits_for("three logins and WebSocket sessions");
    let mut people = Vec::new();
    for (name, quirk) in options.three.iter().zip(quirks) {
        let account = log_in(&server, options, name).await?;
        people.push(Person::connect(account, &clip, quirk, options).await?);
    }
    story.tell(format!("{} connected", options.three.join(", ")));
    let people: Result<[Person; 3], _> = people.try_into();
    people.or_else(|_| deviation("Three people are needed".to_owned()))
}

async fn create(people: &[Person; 3], call_type: CallType, story: &Story) -> Result<Uuid, Failure> {
    story.waits_for("the answer to createCall");
    let request = CreateCallRequest {
        call_title: Some("Self-test of three".to_owned()),
        call_type,
        invited_contacts: people[1..].iter().map(|person| as_contact(&person.account.user)).collect(),
        ..CreateCallRequest::default()
    };
    let created = people[0].account.rest.create_call(&request).await;
    let call = created.map_err(|error| Failure::Rest { what: "createCall".to_owned(), error })?;
    story.tell(format!("{} created {call_type:?} call {} for three", people[0].name, call.call_id));
    Ok(call.call_id)
}

/// Everybody gets enough frames of everybody else from now on, and none that nobody sent.
async fn all_see_all(people: &mut [Person], frames: u64, options: &Options, story: &Story) -> Result<(), Failure> {
    story.waits_for(&format!("{frames} video frames and {frames} Opus packets from each to each"));
    let contacts = contacts(people);
    let waiting: Vec<_> = people.iter().map(|person| reached(person, &contacts, frames)).collect();
    watch(people, waiting, options, story).await?;
    for person in people {
        story.tell(format!("{} sees and hears the others, every byte as sent", person.name));
    }
    Ok(())
}

/// Lets everybody follow the call until what is waited for has come, and no frame that nobody sent.
pub(super) async fn watch(
    people: &mut [Person],
    waiting: Vec<impl Future<Output = ()>>,
    options: &Options,
    story: &Story,
) -> Result<(), Failure> {
    let watching = async {
        let living = try_join_all(people.iter_mut().map(Person::live));
        tokio::select! {
            broken = living => broken.map(|_| ()),
            _ = join_all(waiting) => Ok(()),
        }
    };
    story.within(options.media_limit(), watching).await?;
    for person in people {
        let foreign: u64 = person.by_sender().borrow().values().map(Tally::foreign).sum();
        if foreign > 0 {
            return deviation(format!("{} received {foreign} frames that nobody sent", person.name));
        }
    }
    Ok(())
}

/// Whom everybody gets on which of the lines it offered.
fn tell_slots(people: &[Person; 3], story: &Story) -> Result<(), Failure> {
    for person in people {
        let mut told = Vec::new();
        for other in people.iter().filter(|other| other.name != person.name) {
            let lines = other.contact().map(|contact| person.lines_of(contact)).unwrap_or_default();
            let [sound, picture] = lines.as_slice() else {
                return deviation(format!("{} has the lines {lines:?} for {}, not two", person.name, other.name));
            };
            told.push(format!("{} on lines {sound} and {picture}", other.name));
        }
        story.tell(format!("slots of {}: {}", person.name, told.join(", ")));
    }
    Ok(())
}

pub(super) fn contacts(people: &[Person]) -> Vec<i64> {
    people.iter().filter_map(Person::contact).collect()
}

/// Done once so many more frames of each of the others have come.
fn reached(person: &Person, contacts: &[i64], frames: u64) -> impl Future<Output = ()> + use<> {
    let mut seen = person.by_sender();
    let others = contacts.iter().copied().filter(|other| Some(*other) != person.contact());
    let before: Vec<_> = others.map(|other| (other, seen.borrow().get(&other).copied().unwrap_or_default())).collect();
    async move {
        let enough = |seen: &BTreeMap<i64, Tally>| {
            before.iter().all(|(other, before)| {
                seen.get(other)
                    .is_some_and(|now| now.reached(before.video.matching + frames, before.audio.matching + frames))
            })
        };
        // The checker lives as long as the person.
        let _ = seen.wait_for(enough).await;
    }
}

/// Ends the call for all, and looks at its log.
async fn end(
    people: &mut [Person; 3],
    call_id: Uuid,
    expected: &[Expected],
    story: &Story,
) -> Result<CallLog, Failure> {
    check(&log_of(&people[0].account, call_id).await?, expected, CallStatus::Started)?;
    people[0].end_for_all(call_id, story).await?;
    for person in &mut people[1..] {
        person.told_of_the_end(call_id, story).await?;
    }
    story.tell("the call has ended for all");
    let log = log_of(&people[0].account, call_id).await?;
    let users = users(people);
    let mut expected = expected.to_vec();
    expected.extend(users.map(|user| of("Leave", user)));
    expected.push(of("Ended", users[0]));
    check(&log, &expected, CallStatus::Ended)?;
    if log.call_type != CallType::Sfu {
        return deviation("The log does not say that it was an SFU call".to_owned());
    }
    Ok(log)
}

fn users(people: &[Person; 3]) -> [i64; 3] {
    [0, 1, 2].map(|index| people[index].account.user.user_db_id)
}

fn of(kind: &'static str, user: i64) -> Expected {
    Expected { kind, user: Some(user) }
}
