//! People to call: written through the store, with API keys, because logging thousands in would take minutes.

use std::{fs, path::Path};

use farhand_domain::time::Timestamp;
use farhand_store::{
    Store,
    model::{NewApiKey, NewUser},
};
use sha2::{Digest as _, Sha256};

use crate::Outcome;

/// Memory, where Linux has it: thousands of synced commits take long, and none of them is measured.
const MEMORY: &str = "/dev/shm";

#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) user: i64,
    pub(crate) key: String,
}

/// The people of each domain.
pub(crate) type Domains = Vec<Vec<Person>>;

#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) domains: usize,
    pub(crate) people: usize,
}

/// Makes a data directory whose SQLite database has these people.
pub(crate) async fn data_dir(data: &Path, size: Size) -> Outcome<Domains> {
    fs::create_dir_all(data)?;
    let memory = Some(Path::new(MEMORY)).filter(|memory| memory.is_dir());
    let quick = tempfile::tempdir_in(memory.unwrap_or(data))?;
    let people = database(&format!("sqlite://{}", quick.path().join("farhand.sqlite").display()), size).await?;
    for entry in fs::read_dir(quick.path())? {
        let entry = entry?;
        let to = data.join(entry.file_name());
        fs::copy(entry.path(), &to)?;
        fs::File::open(&to)?.sync_all()?;
    }
    Ok(people)
}

/// Puts these people into a database.
pub(crate) async fn database(url: &str, size: Size) -> Outcome<Domains> {
    let store = farhand_store::open(url).await?;
    let mut domains = Vec::with_capacity(size.domains);
    for number in 0..size.domains {
        domains.push(domain(&*store, &format!("domain{number}"), size.people).await?);
    }
    store.close().await;
    Ok(domains)
}

async fn domain(store: &dyn Store, name: &str, size: usize) -> Outcome<Vec<Person>> {
    let domain = store.create_domain(name).await?;
    let mut people = Vec::with_capacity(size);
    for number in 0..size {
        let user = NewUser {
            id: None,
            domain_id: domain.id,
            login: format!("user{number}"),
            display_name: format!("User {number}"),
            email: None,
            phone: None,
            password_hash: None,
            roles: vec!["expert".to_owned()],
            operator: false,
        };
        let user = store.create_user(&user).await?.id;
        people.push(Person { user, key: api_key(store, user).await? });
    }
    // Otherwise the first call to each of them would make them.
    let users: Vec<_> = people.iter().map(|person| person.user).collect();
    store.contacts_of_users(&users).await?;
    Ok(people)
}

/// Known to nobody else, on a server that only this machine can reach and that ends with the bench.
async fn api_key(store: &dyn Store, user: i64) -> Outcome<String> {
    let key = format!("fhk_{user:043}");
    let new = NewApiKey {
        user_id: user,
        name: "bench".to_owned(),
        prefix: "fhk_".to_owned(),
        hash: Sha256::digest(key.as_bytes()).into(),
        created_at: Timestamp::from_millis(1_700_000_000_000),
    };
    store.create_api_key(&new).await?;
    Ok(key)
}
