//! Where events are sent to, and the messages on their way.

pub(crate) mod webhook {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "webhooks")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub domain_id: i64,
        pub url: String,
        pub description: String,
        pub types: Option<String>,
        pub enabled: bool,
        pub reason: Option<String>,
        pub generation: i64,
        pub rotated_at: Option<i64>,
        pub created_at: i64,
        pub position: i64,
        pub failing_since: Option<i64>,
        pub paused_until: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod message {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook_messages")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub webhook: String,
        pub number: i64,
        pub call_id: String,
        pub sequence: i64,
        pub kind: String,
        pub body: String,
        pub state: String,
        pub tries: i64,
        pub next_at: i64,
        pub status: Option<i64>,
        pub reason: Option<String>,
        pub at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

super::rows_without_words!(webhook message);
