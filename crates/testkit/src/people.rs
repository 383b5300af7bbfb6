//! Who is there: the demo's people in `ubimax`, and some in another domain.

use farhand_store::{Store, model::NewUser};

pub const UBIMAX: &str = "ubimax";
pub const OTHER_DOMAIN: &str = "other";
/// Everybody's.
pub const PASSWORD: &str = "demo";
/// Argon2id of it with the least work there is: hundreds of logins are to take no time.
const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$LTgG6RezRIAEuR8qauYe0w$SBFLMjalVT9eBDxrtLP7lk7OotRhnNftR8kyp6jqIEw";

/// Domain, login name, display name, role, and the database id where integrations rely on it.
const PEOPLE: [(&str, &str, &str, &str, Option<i64>); 11] = [
    (UBIMAX, "tester", "Tester", "expert", Some(8)),
    (UBIMAX, "glasses1", "Glasses 1", "technician", Some(12)),
    (UBIMAX, "callertest1", "Caller Test 1", "expert", None),
    (UBIMAX, "callertest2", "Caller Test 2", "expert", None),
    (UBIMAX, "expert1", "Expert 1", "expert", None),
    (UBIMAX, "expert2", "Expert 2", "expert", None),
    (UBIMAX, "connector1", "Connector 1", "connector", None),
    (UBIMAX, "admin", "Administrator", "admin", None),
    (OTHER_DOMAIN, "expert1", "Other Expert", "expert", None),
    (OTHER_DOMAIN, "connector1", "Other Connector", "connector", None),
    (OTHER_DOMAIN, "admin", "Other Administrator", "admin", None),
];

/// The administrator of `ubimax` is an operator, the one of `other` is not.
pub async fn populate(store: &dyn Store) {
    let mut domains = Vec::new();
    for name in [UBIMAX, OTHER_DOMAIN] {
        domains.push(store.create_domain(name).await.unwrap());
    }
    for (domain, login, name, role, id) in PEOPLE {
        let user = NewUser {
            id,
            domain_id: domains.iter().find(|known| known.name == domain).unwrap().id,
            login: login.to_owned(),
            display_name: name.to_owned(),
            email: Some(format!("{login}@{domain}.example")),
            phone: None,
            password_hash: Some(PASSWORD_HASH.to_owned()),
            roles: vec![role.to_owned()],
            operator: domain == UBIMAX && role == "admin",
        };
        store.create_user(&user).await.unwrap();
    }
}
