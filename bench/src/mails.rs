//! Letters that wait to be sent while the server is killed again and again: how many get lost, and how many are sent twice. The floor is the
//! same without a kill.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use farhand_client::{Token, rest::Rest};
use farhand_protocol::call::{CallLogContact, CallType, CreateCallRequest};
use farhand_testkit::smtp::{Message, Options, Sink};
use tokio::time::timeout;

use crate::{
    Common, Outcome, place,
    report::Row,
    seed::{self, Person},
    server::Server,
};

/// As many as one call may invite.
const INVITED: usize = 500;
/// What two letters may not have in common.
const NAME: &str = "Message-ID:";
/// If none of those that are waited for has come in so long, none will.
const PATIENCE: Duration = Duration::from_secs(9);
/// How many are waited for at a time.
const STEP: usize = 100;

#[derive(Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    common: Common,
    /// Letters, in calls of 500.
    #[arg(long, default_value_t = 10_000)]
    letters: usize,
    /// How often the server is killed before all have been sent.
    #[arg(long, default_value_t = 20)]
    kills: usize,
}

/// What has come of it.
struct Sent {
    lost: usize,
    /// Letters that came again, all under the name they had.
    repeated: usize,
    /// Came twice under another name, which readers would see.
    renamed: usize,
    took: Duration,
}

pub(crate) async fn run(plan: &Plan) -> Outcome {
    let floor = send(plan, 0).await?;
    println!("without a kill: {}", floor.words(plan.letters));
    let killed = send(plan, plan.kills).await?;
    row(plan, &floor, &killed).tell(plan.common.report.as_deref())
}

fn row(plan: &Plan, floor: &Sent, killed: &Sent) -> Row {
    Row {
        figure: format!("{} letters to a mail server on this machine, `kill -9` {} times", plan.letters, plan.kills),
        measured: killed.words(plan.letters),
        floor: format!("without a kill {}", floor.words(plan.letters)),
        aim: "0 lost, repeated only what was in flight".to_owned(),
        met: killed.lost + killed.renamed + floor.lost + floor.repeated + floor.renamed == 0,
    }
}

impl Sent {
    fn words(&self, letters: usize) -> String {
        let Self { lost, repeated, renamed, took } = self;
        let seconds = took.as_secs_f64();
        format!("{letters} in {seconds:.1} s: {lost} lost, {repeated} repeated, {renamed} under another name")
    }
}

/// Sends them all; the kills come evenly, by what the mail server has taken.
async fn send(plan: &Plan, kills: usize) -> Outcome<Sent> {
    let scratch = place::scratch()?;
    let data = scratch.path().join("data");
    let domains = seed::data_dir(&data, seed::Size { domains: 1, people: 1 }).await?;
    let maker = domains.first().and_then(|people| people.first()).ok_or("nobody to call")?;
    let sink = Sink::start(Options::default()).await;
    let mail = format!("smtp://{}?starttls=never", sink.address());
    let start = |binary: &Path| Server::start(binary, &data, &[("FARHAND_MAIL_URL", &mail)]);
    let began = Instant::now();
    let mut server = start(&plan.common.server)?;
    invite(&server.url(), maker, plan.letters).await?;
    for kill in 1..=kills {
        sink.taken(plan.letters * kill / (kills + 1)).await;
        // Without a word of warning.
        drop(server);
        server = start(&plan.common.server)?;
    }
    let (messages, took) = all(&sink, plan.letters, began).await;
    server.stop()?;
    Ok(compare(plan.letters, &messages, took))
}

/// Calls that invite so many guests.
async fn invite(url: &str, maker: &Person, letters: usize) -> Outcome {
    let rest = Rest::new(url)?.with_token(Token::new(&maker.key));
    let guests: Vec<_> = (0..letters).map(|number| format!("guest{number}@example.org")).collect();
    for guests in guests.chunks(INVITED) {
        let guest = |email: &String| CallLogContact { email: Some(email.clone()), ..CallLogContact::default() };
        let request = CreateCallRequest {
            call_type: CallType::Sfu,
            invited_contacts: guests.iter().map(guest).collect(),
            ..CreateCallRequest::default()
        };
        rest.create_call(&request).await?;
    }
    Ok(())
}

/// What was taken, and after what time, once everybody has a letter or none has come for a while.
async fn all(sink: &Sink, letters: usize, began: Instant) -> (Vec<Message>, Duration) {
    let mut taken = 0;
    let mut took = began.elapsed();
    loop {
        if taken >= letters {
            let messages = sink.messages().await;
            if by_recipient(&messages).len() >= letters {
                return (messages, took);
            }
        }
        let next = if taken < letters { letters.min(taken + STEP) } else { taken + 1 };
        match timeout(PATIENCE, sink.taken(next)).await {
            Ok(now) => (taken, took) = (now, began.elapsed()),
            Err(_) => return (sink.messages().await, took),
        }
    }
}

/// The names of the letters that each recipient got.
fn by_recipient(messages: &[Message]) -> BTreeMap<&str, Vec<&str>> {
    let mut names: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in messages {
        let name = message.text().lines().find_map(|line| line.strip_prefix(NAME)).unwrap_or_default();
        for to in &message.to {
            names.entry(to.as_str()).or_default().push(name);
        }
    }
    names
}

fn compare(letters: usize, messages: &[Message], took: Duration) -> Sent {
    let by_recipient = by_recipient(messages);
    let again = |like: fn(&str, &str) -> bool| {
        let more = |names: &Vec<&str>| names.iter().skip(1).filter(|name| like(names[0], name)).count();
        by_recipient.values().map(more).sum()
    };
    Sent {
        lost: letters.saturating_sub(by_recipient.len()),
        repeated: again(|first, name| first == name),
        renamed: again(|first, name| first != name),
        took,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_again_is_told_from_what_never_came() {
        let message = |to: &str, name: &str| Message {
            from: String::new(),
            to: vec![to.to_owned()],
            data: format!("Subject: x\r\nMessage-ID: <{name}>\r\n\r\n").into_bytes(),
            connection: 1,
            hello: String::new(),
            tls: false,
            login: None,
        };
        let messages = [message("a", "1"), message("b", "2"), message("a", "1"), message("b", "3"), message("a", "1")];
        let Sent { lost, repeated, renamed, .. } = compare(3, &messages, Duration::ZERO);
        assert_eq!([lost, repeated, renamed], [1, 2, 1]);
    }
}
