//! The brokered MESH call, step by step.

use std::{sync::Arc, time::Duration};

use farhand_client::{
    clip::{Clip, Tally},
    device::DeviceEvent,
    media::MediaEvent,
    rest::Rest,
};
use farhand_protocol::{
    auth::User,
    call::{CallLog, CallLogContact, CallReason, CallStatus, CallType, CreateCallRequest},
    frame::Ring,
};
use tokio::{sync::watch, time::interval};
use uuid::Uuid;

use super::{
    Failure, Options,
    log::{Cast, check},
    people::{Account, Person, Quirk, log_in},
    story::Story,
};

/// How often a connector asks for the state of its call.
const POLL: Duration = Duration::from_millis(200);

pub(super) async fn play(base_url: &str, options: &Options, story: &Story) -> Result<CallLog, Failure> {
    let (connector, mut expert, mut glasses) = enter(base_url, options, story).await?;
    let cast = Cast { expert: expert.account.user.user_db_id, glasses: glasses.account.user.user_db_id };
    let whole = cast.whole_call();

    let call = create(&connector, &expert.account.user, cast, story).await?;
    check(&call, &whole[..1], CallStatus::Planned)?;
    let call_id = call.call_id;
    let ring = expert.rung(call_id, story).await?;
    rung_by(&expert, &ring, cast.glasses, story)?;
    story.waits_for("an answer to the glasses' ping");
    if !glasses.has_not_been_rung(call_id).await? {
        return deviation(format!("{} was rung before an expert had taken the call", glasses.name));
    }
    let call = log_of(&connector, call_id).await?;
    check(&call, &whole[..1], CallStatus::Planned)?;
    if was_rung(&call, call.creator_contact.id) {
        return deviation(format!("A ring of {} is in the history before an expert had taken the call", glasses.name));
    }
    story.tell(format!("{} not rung yet, as it should be", glasses.name));

    expert.join(call_id, story).await?;
    story.tell(format!("{} joined", expert.name));
    let ring = glasses.rung(call_id, story).await?;
    rung_by(&glasses, &ring, cast.expert, story)?;
    glasses.join(call_id, story).await?;
    story.tell(format!("{} joined", glasses.name));
    check(&log_of(&connector, call_id).await?, &whole[..3], CallStatus::Started)?;

    talk(&mut expert, &mut glasses, options, story).await?;
    check(&log_of(&connector, call_id).await?, &whole[..3], CallStatus::Started)?;
    story.tell("the log of the running call is exactly Created, Join, Join");

    expert.hang_up(call_id, story).await?;
    story.tell(format!("{} hung up", expert.name));
    glasses.told_of_the_end(call_id, story).await?;
    story.tell(format!("{} told that the call has ended", glasses.name));
    let call = poll_until_ended(&connector, call_id, story).await?;
    check(&call, &whole, CallStatus::Ended)?;
    story.tell("the log of the ended call is exactly Created, Join, Join, Leave, Leave, Ended");
    Ok(call)
}

async fn enter(base_url: &str, options: &Options, story: &Story) -> Result<(Account, Person, Person), Failure> {
    let cannot = |error| Failure::Rest { what: format!("Using {base_url}"), error };
    let server = Rest::new(base_url).map_err(cannot)?;
    let clip = Arc::new(Clip::embedded().map_err(Failure::Clip)?);

    story.waits_for("the answers to three logins");
    let connector = log_in(&server, options, &options.connector).await?;
    let expert = log_in(&server, options, &options.expert).await?;
    let glasses = log_in(&server, options, &options.glasses).await?;
    story.tell(format!(
        "logged in: {} (user {}), {} (user {}), {} (user {})",
        options.connector,
        connector.user.user_db_id,
        options.expert,
        expert.user.user_db_id,
        options.glasses,
        glasses.user.user_db_id
    ));

    story.waits_for("a WebSocket session for the expert and the glasses");
    let expert = Person::connect(expert, &clip, Quirk::None, options).await?;
    let quirk = if options.tamper_fingerprint { Quirk::LiesAboutItsFingerprint } else { Quirk::None };
    let glasses = Person::connect(glasses, &clip, quirk, options).await?;
    story.tell(format!("{} and {} connected", expert.name, glasses.name));
    if options.tamper_fingerprint {
        story.tell(format!("{} will lie about its fingerprint: from here on this must fail", glasses.name));
    }
    Ok((connector, expert, glasses))
}

async fn create(connector: &Account, expert: &User, cast: Cast, story: &Story) -> Result<CallLog, Failure> {
    story.waits_for("the answer to createCall");
    let request = CreateCallRequest {
        call_title: Some("Self-test".to_owned()),
        call_reason: CallReason::ServiceRequest,
        call_type: CallType::Mesh,
        invited_contacts: vec![as_contact(expert), as_contact(&connector.user)],
        creator_user: Some(cast.glasses),
        ..CreateCallRequest::default()
    };
    let created = connector.rest.create_call(&request).await;
    let call = created.map_err(|error| Failure::Rest { what: "createCall of the connector".to_owned(), error })?;
    story.tell(format!(
        "{} created MESH call {} on behalf of user {}",
        connector.user.user_id, call.call_id, cast.glasses
    ));
    if call.creator_contact.user_db_id != Some(cast.glasses) || call.call_type != CallType::Mesh {
        return deviation("The created call is not a MESH call of the user it was made for".to_owned());
    }
    Ok(call)
}

pub(super) fn as_contact(user: &User) -> CallLogContact {
    CallLogContact {
        display_name: Some(user.display_name.clone()),
        domain: Some(user.domain.clone()),
        user_db_id: Some(user.user_db_id),
        user_id: Some(user.user_id.clone()),
        ..CallLogContact::default()
    }
}

fn rung_by(person: &Person, ring: &Ring, caller: i64, story: &Story) -> Result<(), Failure> {
    if ring.from.user_db_id != Some(caller) {
        return deviation(format!("{}'s ring names {:?} as caller instead of user {caller}", person.name, ring.from));
    }
    let from = ring.from.display_name.as_deref().unwrap_or("somebody without a name");
    story.tell(format!("{} rung: {:?} from {from}", person.name, ring.call_title));
    Ok(())
}

/// By the call's history, which also knows of rings that are still on their way.
fn was_rung(call: &CallLog, contact: Option<i64>) -> bool {
    call.call_history.iter().any(|item| item.kind == "RingStarted" && item.contact_id == contact)
}

/// Both send the clip until enough of it has arrived unchanged at both.
async fn talk(expert: &mut Person, glasses: &mut Person, options: &Options, story: &Story) -> Result<(), Failure> {
    let frames = options.frames;
    story.waits_for(&format!(
        "{frames} video frames and {frames} Opus packets each way; media never flowed, or too slowly"
    ));
    let talking = async {
        let arrived = both_reach(expert.tally(), glasses.tally(), frames);
        tokio::pin!(arrived);
        loop {
            tokio::select! {
                tallies = &mut arrived => return Ok(tallies),
                event = expert.next() => tell_media(&expert.name, &event?, story)?,
                event = glasses.next() => tell_media(&glasses.name, &event?, story)?,
            }
        }
    };
    let [at_expert, at_glasses] = story.within(options.media_limit(), talking).await?;
    for (name, tally) in [(&expert.name, at_expert), (&glasses.name, at_glasses)] {
        story.tell(format!(
            "{name} received {} video frames and {} Opus packets, every byte as sent",
            tally.video.matching, tally.audio.matching
        ));
        if tally.foreign() > 0 {
            return deviation(format!("{name} received {} frames that nobody sent", tally.foreign()));
        }
    }
    Ok(())
}

async fn both_reach(mut left: watch::Receiver<Tally>, mut right: watch::Receiver<Tally>, frames: u64) -> [Tally; 2] {
    let enough = |tally: &Tally| tally.reached(frames, frames);
    // The people keep their counters as long as this is awaited.
    let reached = |tally: Result<watch::Ref<'_, Tally>, _>| tally.map(|tally| *tally).unwrap_or_default();
    [reached(left.wait_for(enough).await), reached(right.wait_for(enough).await)]
}

fn tell_media(name: &str, event: &DeviceEvent, story: &Story) -> Result<(), Failure> {
    match event {
        DeviceEvent::Media(MediaEvent::Connected { .. }) => story.tell(format!("{name}'s media connected")),
        DeviceEvent::Media(MediaEvent::RemoteClosed { .. }) => {
            return deviation(format!("{name}'s media was closed by the other end in mid-call"));
        }
        DeviceEvent::Media(_) | DeviceEvent::Frame(_) => {}
    }
    Ok(())
}

pub(super) async fn log_of(connector: &Account, call_id: Uuid) -> Result<CallLog, Failure> {
    let answer = connector.rest.call_log(call_id).await;
    answer.map_err(|error| Failure::Rest { what: "getCallLogById of the connector".to_owned(), error })
}

async fn poll_until_ended(connector: &Account, call_id: Uuid, story: &Story) -> Result<CallLog, Failure> {
    story.waits_for("callStatus Ended in the connector's getCallLogById");
    let mut polls = interval(POLL);
    loop {
        polls.tick().await;
        let log = log_of(connector, call_id).await?;
        if log.call_status == CallStatus::Ended {
            return Ok(log);
        }
    }
}

pub(super) fn deviation<T>(sentence: String) -> Result<T, Failure> {
    Err(Failure::Deviation(sentence))
}
