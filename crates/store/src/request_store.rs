//! The part of the seam for public links by which anybody may ask for help, and for what is known of queues after a start.

use async_trait::async_trait;
use farhand_domain::time::Timestamp;
use uuid::Uuid;

use crate::{
    StoreResult,
    model::{MadeBy, NewRequestLink, RequestLink, RequestLinkChange, RequestsMade, TeamClaim},
    sql_store::SqlStore,
};

#[async_trait]
pub trait RequestStore {
    async fn create_request_link(&self, new: &NewRequestLink) -> StoreResult<RequestLink>;
    /// A domain's, in the order of their making.
    async fn request_links(&self, domain: i64) -> StoreResult<Vec<RequestLink>>;
    /// Of whatever domain.
    async fn request_link(&self, id: i64) -> StoreResult<Option<RequestLink>>;
    async fn change_request_link(
        &self,
        domain: i64,
        id: i64,
        change: &RequestLinkChange,
    ) -> StoreResult<Option<RequestLink>>;
    /// False if the domain has none of this id. What came by it stays.
    async fn delete_request_link(&self, domain: i64, id: i64) -> StoreResult<bool>;
    /// What came by public links: how many are open, and the last `most` since then.
    async fn requests_made(&self, by: MadeBy<'_>, since: Timestamp, most: u64) -> StoreResult<RequestsMade>;
    /// The call that was made for what a page named so, and its creator's contact.
    async fn request_of_attempt(&self, attempt: &str) -> StoreResult<Option<(Uuid, i64)>>;
    /// Claims after then, the earliest first, once for each team whose request it was. Promises are left out.
    async fn claims_since(&self, since: Timestamp) -> StoreResult<Vec<TeamClaim>>;
}

#[async_trait]
impl RequestStore for SqlStore {
    async fn create_request_link(&self, new: &NewRequestLink) -> StoreResult<RequestLink> {
        self.answered(self.insert_request_link(new)).await
    }

    async fn request_links(&self, domain: i64) -> StoreResult<Vec<RequestLink>> {
        self.answered(self.read_request_links(domain)).await
    }

    async fn request_link(&self, id: i64) -> StoreResult<Option<RequestLink>> {
        self.answered(self.find_request_link(id)).await
    }

    async fn change_request_link(
        &self,
        domain: i64,
        id: i64,
        change: &RequestLinkChange,
    ) -> StoreResult<Option<RequestLink>> {
        self.answered(self.update_request_link(domain, id, change)).await
    }

    async fn delete_request_link(&self, domain: i64, id: i64) -> StoreResult<bool> {
        self.answered(self.remove_request_link(domain, id)).await
    }

    async fn requests_made(&self, by: MadeBy<'_>, since: Timestamp, most: u64) -> StoreResult<RequestsMade> {
        self.answered(self.count_requests(by, since, most)).await
    }

    async fn request_of_attempt(&self, attempt: &str) -> StoreResult<Option<(Uuid, i64)>> {
        self.answered(self.find_attempt(attempt)).await
    }

    async fn claims_since(&self, since: Timestamp) -> StoreResult<Vec<TeamClaim>> {
        self.answered(self.read_claims(since)).await
    }
}
