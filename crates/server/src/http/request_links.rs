//! What somebody does who stands in front of a machine with a public link on it: looks where it leads, and asks for help.

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use farhand_protocol::{
    ErrorCode, Problem,
    guest::GuestTerms,
    request_link::{AskForHelpRequest, AskedForHelp, RequestField, RequestForm},
};
use farhand_store::model::RequestOrigin;
use uuid::Uuid;

use super::{
    Fail, Outcome,
    extract::{Body, ByRequestLink, From as FromAddress},
    lobby::{check_name, is_unseen},
};
use crate::{
    app::App,
    auth::{self, AtMachine, version_of},
    calls::{Ask, By, LinkOrder, link_of},
    keys::Use,
    network::network_of,
    requests::{Asked, Details, Field, fields_of, refuse_too_many, teams_of},
};

/// Answers that carry a link, or follow from one.
const NOT_KEPT: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];
/// A screenful on a phone.
const MAX_TEXT: usize = 2_000;
/// A telephone number or an address of e-mail, and when.
const MAX_REACH: usize = 100;
/// A line on a phone.
pub const MAX_VALUE: usize = 200;

type Fresh<T> = ([(HeaderName, &'static str); 1], Json<T>);

/// Tells what the public link of a machine leads to. Nothing is begun or used up by it, and nobody hears of it.
#[utoipa::path(post, path = "/guest/openRequest", operation_id = "lookAtRequestLink", tag = "guest",
    responses((status = 200, description = "What can be asked for", body = RequestForm),
              (status = 401, description = "The link is not good, or not any more", body = Problem),
              (status = 409, description = "It takes no requests now", body = Problem),
              (status = 422, description = "The domain does not allow guests", body = Problem)))]
pub async fn look(State(app): State<Arc<App>>, ByRequestLink(at): ByRequestLink) -> Outcome<Fresh<RequestForm>> {
    open_teams(&app, &at).await?;
    let text = at.domain.guest_terms.as_ref();
    let form = RequestForm {
        name: at.link.name.clone(),
        domain: at.domain.name.clone(),
        fields: fields_of(&at.link).into_iter().map(Field::wire).collect(),
        terms: text.map(|text| GuestTerms { text: text.clone(), version: version_of(text) }),
    };
    Ok((NOT_KEPT, Json(form)))
}

/// Asks for help: makes a service request whose creator is a guest with a personal link. Asked again with the same `requestId`, the answer is the same.
#[utoipa::path(post, path = "/guest/askForHelp", operation_id = "askForHelp", tag = "guest", request_body = AskForHelpRequest,
    responses((status = 200, description = "The request", body = AskedForHelp),
              (status = 400, description = "A field has a wrong value", body = Problem),
              (status = 401, description = "The link is not good, or not any more", body = Problem),
              (status = 403, description = "The terms have to be accepted", body = Problem),
              (status = 409, description = "It takes no requests now, or this one has ended", body = Problem),
              (status = 422, description = "The domain does not allow guests", body = Problem),
              (status = 429, description = "Too many have asked", body = Problem)))]
pub async fn ask(
    State(app): State<Arc<App>>,
    FromAddress(from): FromAddress,
    ByRequestLink(at): ByRequestLink,
    Body(request): Body<AskForHelpRequest>,
) -> Outcome<Fresh<AskedForHelp>> {
    let asking = Asking::read(&app, &at, &request, from)?;
    let teams = open_teams(&app, &at).await?;
    // In a task of its own: a page that goes away must not let the next one in before this one is counted.
    let asked = tokio::spawn(async move { make(&app, &at, asking, teams).await }).await.map_err(Fail::internal)??;
    Ok((NOT_KEPT, Json(asked)))
}

/// A request as it was understood.
struct Asking {
    display_name: String,
    text: Option<String>,
    origin: RequestOrigin,
    terms: Option<String>,
}

impl Asking {
    fn read(app: &App, at: &AtMachine, request: &AskForHelpRequest, from: IpAddr) -> Outcome<Self> {
        let terms = at.domain.guest_terms.as_deref().map(version_of);
        if terms.is_some() && terms != request.terms_version {
            let detail = "Accept the terms first, as they are now: POST /guest/openRequest shows them.";
            return Err(Fail::new(ErrorCode::TermsRequired, detail));
        }
        let text = checked(request.text.as_deref(), MAX_TEXT, "/text")?;
        let details = Details {
            fields: filled_in(&fields_of(&at.link), &request.fields)?,
            text: text.clone(),
            reach: checked(request.reach.as_deref(), MAX_REACH, "/reach")?,
        };
        let hashed = |what: &str| app.keys.proof(Use::Origin, what);
        let origin = RequestOrigin {
            link: at.link.id,
            name: at.link.name.clone(),
            details: serde_json::to_string(&details).map_err(Fail::internal)?,
            network: hashed(&format!("network {}", network_of(from))),
            attempt: hashed(&format!("attempt {} {}", at.link.id, request.request_id)),
        };
        Ok(Self { display_name: check_name(&request.display_name)?, text, origin, terms })
    }
}

/// One at a time: else many at once would all find room.
async fn make(app: &App, at: &AtMachine, asking: Asking, teams: Vec<Asked>) -> Outcome<AskedForHelp> {
    let _one = app.asking.lock().await;
    let Asking { display_name, text, origin, terms } = asking;
    if let Some((call_id, contact)) = app.store.request_of_attempt(&origin.attempt).await? {
        return earlier(app, at.domain.id, call_id, contact).await;
    }
    refuse_too_many(&*app.store, &app.config.requests, &at.link, &origin.network, app.clock.now()).await?;
    let link = at.link.id;
    let order = LinkOrder {
        domain: &at.domain,
        title: at.link.title.clone().unwrap_or_else(|| at.link.name.clone()),
        teams: teams.into_iter().map(Asked::wire).collect(),
        display_name,
        origin,
        text,
        terms,
    };
    let (call_id, own) = app.calls.create_by_link(order).await?;
    tracing::info!(link, %call_id, "a request by a public link");
    Ok(AskedForHelp { call_id, link: app.notify.guest_address(&own) })
}

/// What an earlier question of the same page has made.
async fn earlier(app: &App, domain_id: i64, call_id: Uuid, contact: i64) -> Outcome<AskedForHelp> {
    let record = app.calls.ask(call_id, By::server(domain_id), Ask::Read).await?.record;
    if record.ended_at.is_some() {
        return Err(Fail::new(ErrorCode::CallEnded, "The request has ended. Ask again if you still need help."));
    }
    let link = link_of(&record, farhand_domain::ids::ContactId(contact));
    // Not once the personal link was taken back: asking again would bring it back.
    let link = link.filter(|link| link.generation == 1).ok_or_else(auth::revoked)?;
    Ok(AskedForHelp { call_id, link: app.notify.guest_address(&auth::GuestLink::from(link)) })
}

/// Those of the link's teams that there are, if somebody could come.
async fn open_teams(app: &App, at: &AtMachine) -> Outcome<Vec<Asked>> {
    let teams = app.directory.teams(at.domain.id).await?;
    let there = |id: i64| teams.iter().any(|team| team.id == id && !team.members.is_empty());
    let asked: Vec<Asked> = teams_of(&at.link).into_iter().filter(|asked| there(asked.id)).collect();
    if at.link.enabled && !asked.is_empty() {
        return Ok(asked);
    }
    Err(Fail::new(ErrorCode::RequestLinkClosed, "Nobody takes requests from here at the moment."))
}

/// What the link says stands as it is; what it leaves open is filled in by whoever asks.
fn filled_in(fields: &[Field], given: &[RequestField]) -> Outcome<Vec<Field>> {
    let open: HashSet<&str> =
        fields.iter().filter(|field| field.value.is_none()).map(|field| field.name.as_str()).collect();
    let mut values = Vec::with_capacity(given.len());
    for (index, field) in given.iter().enumerate().take(fields.len()) {
        let value = checked(field.value.as_deref(), MAX_VALUE, &format!("/fields/{index}/value"))?;
        values.push((field.name.as_str(), value));
    }
    if let Some(index) = given.iter().position(|field| !open.contains(field.name.as_str())) {
        let detail = "This link has no field of this name that is to be filled in.";
        return Err(Problem::new(ErrorCode::InvalidField, detail).at(format!("/fields/{index}/name")).into());
    }
    let value =
        |field: &Field| values.iter().find(|(name, _)| *name == field.name).and_then(|(_, value)| value.clone());
    let filled =
        fields.iter().map(|field| Field { name: field.name.clone(), value: field.value.clone().or(value(field)) });
    Ok(filled.filter(|field| field.value.is_some()).collect())
}

/// What people wrote: none if it says nothing.
pub fn checked(text: Option<&str>, most: usize, at: &str) -> Outcome<Option<String>> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = |detail: String| Err(Problem::new(ErrorCode::InvalidField, detail).at(at).into());
    if text.chars().count() > most {
        return wrong(format!("There is room for {most} characters here."));
    }
    if text.chars().any(|c| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_unseen(c)) {
        return wrong("The text holds characters that cannot be seen.".to_owned());
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: Option<&str>) -> Field {
        Field { name: name.to_owned(), value: value.map(str::to_owned) }
    }

    fn fill(given: &[(&str, &str)]) -> Option<Vec<Field>> {
        let fields = vec![field("machine", Some("4711")), field("error code", None), field("shift", None)];
        let given: Vec<_> = given.iter().map(|(name, value)| field(name, Some(value)).wire()).collect();
        filled_in(&fields, &given).ok()
    }

    #[test]
    fn only_what_is_open_can_be_filled_in() {
        let machine = || field("machine", Some("4711"));
        assert_eq!(fill(&[]), Some(vec![machine()]));
        assert_eq!(
            fill(&[("error code", " E 7 "), ("shift", " ")]),
            Some(vec![machine(), field("error code", Some("E 7"))])
        );
        for wrong in [("machine", "9"), ("other", "9"), ("shift", "a\u{202e}b")] {
            assert_eq!(fill(&[wrong]), None, "{wrong:?}");
        }
        assert_eq!(fill(&[("shift", &"x".repeat(MAX_VALUE + 1))]), None);
    }

    #[test]
    fn a_text_may_have_lines_and_nothing_unseen() {
        let text = |text: &str| checked(Some(text), 9, "/text").ok();
        assert_eq!(text(" a\nb\t "), Some(Some("a\nb".to_owned())));
        assert_eq!((text(""), text(" \n")), (Some(None), Some(None)));
        for wrong in ["a\0b", "0123456789", "a\u{200b}b"] {
            assert_eq!(text(wrong), None, "{wrong:?}");
        }
    }
}
