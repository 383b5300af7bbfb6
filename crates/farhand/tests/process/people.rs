//! Made-up people in a data directory, their keys and connections, and a call between them.

use std::path::Path;

use farhand_client::{
    Token,
    rest::{Rest, RestError},
    socket::{Hello, Socket},
};
use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallLogContact, CallType, CreateCallRequest},
    frame::{CallView, Ring, ServerFrame},
};
use farhand_server::{
    admin,
    world::{Clock, SystemClock},
};
use farhand_store::{Store, model::NewUser};
use uuid::Uuid;

use crate::wait::soon;

pub const DOMAIN: &str = "plant";
pub const PASSWORD: &str = "correct horse battery";

/// Somebody with an account, and an API key in place of a login: checking a password takes long on purpose.
pub struct Person {
    pub id: i64,
    pub login: &'static str,
    pub key: Token,
    /// The key as it goes over the wire.
    pub secret: String,
    pub key_id: i64,
    pub device: Uuid,
}

/// An expert, a technician with glasses, a connector.
pub struct People {
    pub expert: Person,
    pub glasses: Person,
    pub connector: Person,
}

impl People {
    /// Puts them into the data directory's SQLite database.
    pub async fn settle(data: &Path) -> Self {
        Self::settle_in(&format!("sqlite://{}", data.join("farhand.sqlite").display())).await
    }

    pub async fn settle_in(database: &str) -> Self {
        let store = farhand_store::open(database).await.unwrap();
        let domain = store.create_domain(DOMAIN).await.unwrap().id;
        let people = Self {
            expert: Person::settle(store.as_ref(), domain, "erin", "expert").await,
            glasses: Person::settle(store.as_ref(), domain, "glasses", "technician").await,
            connector: Person::settle(store.as_ref(), domain, "tickets", "connector").await,
        };
        store.close().await;
        people
    }

    /// What the connector asks for: a MESH call of the glasses with the expert.
    pub fn brokered(&self) -> CreateCallRequest {
        CreateCallRequest { creator_user: Some(self.glasses.id), ..self.direct() }
    }

    /// A MESH call with the expert.
    pub fn direct(&self) -> CreateCallRequest {
        let contact = CallLogContact { user_db_id: Some(self.expert.id), ..CallLogContact::default() };
        CreateCallRequest { call_type: CallType::Mesh, invited_contacts: vec![contact], ..CreateCallRequest::default() }
    }
}

impl Person {
    async fn settle(store: &dyn Store, domain: i64, login: &'static str, role: &str) -> Self {
        let user = NewUser {
            id: None,
            domain_id: domain,
            login: login.to_owned(),
            display_name: login.to_owned(),
            email: None,
            phone: None,
            password_hash: None,
            roles: vec![role.to_owned()],
            operator: false,
        };
        let id = store.create_user(&user).await.unwrap().id;
        let (key, record) = admin::create_api_key(store, SystemClock.now(), id, "test").await.unwrap();
        let device = Uuid::from_u128(u128::try_from(id).unwrap());
        let secret = key.reveal().to_owned();
        Self { id, login, key: Token::new(&secret), secret, key_id: record.id, device }
    }

    pub fn rest(&self, url: &str) -> Rest {
        Rest::new(url).unwrap().with_token(self.key.clone())
    }

    /// Opens a WebSocket session on this person's one device.
    pub async fn connect(&self, url: &str) -> Socket {
        let hello = Hello { device_id: self.device, ..Hello::new(self.key.clone()) };
        Socket::connect(url, hello).await.unwrap()
    }
}

/// Waits for a ring of this call.
pub async fn ring_of(socket: &mut Socket, call_id: Uuid) -> Ring {
    let rung = async {
        loop {
            if let ServerFrame::Ring { ring } = socket.next().await.unwrap()
                && ring.call_id == call_id
            {
                return ring;
            }
        }
    };
    soon("a ring", rung).await
}

/// Waits until the call looks like this to a session.
pub async fn call_when(socket: &mut Socket, what: &str, like: impl Fn(&CallView) -> bool) -> CallView {
    let seen = async {
        loop {
            if let ServerFrame::Call { call } = socket.next().await.unwrap()
                && like(&call)
            {
                return *call;
            }
        }
    };
    soon(what, seen).await
}

pub fn events(log: &CallLog) -> Vec<&str> {
    log.call_events.iter().map(|event| event.kind.as_str()).collect()
}

#[track_caller]
pub fn code(error: &RestError) -> ErrorCode {
    error.problem().unwrap_or_else(|| panic!("no problem document but {error:?}")).code
}
