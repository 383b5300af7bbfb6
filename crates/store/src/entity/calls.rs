//! Calls and what hangs on them, for reading. Writing is in `calls_write`, as many rows at a time.

pub(crate) mod call {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "calls")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub call_id: String,
        pub domain_id: i64,
        pub title: String,
        pub reason: String,
        pub call_type: String,
        pub status: String,
        pub join_anonymous: bool,
        pub inform_directly: bool,
        pub creator_user: Option<i64>,
        pub creator_id: i64,
        pub maker_id: i64,
        pub planned_at: Option<i64>,
        pub created_at: i64,
        pub started_at: Option<i64>,
        pub ended_at: Option<i64>,
        pub version: i64,
        pub owner_node: String,
        pub owner_epoch: i64,
        pub state: String,
        pub budget_kbit: Option<i64>,
        pub budget_megabytes: Option<i64>,
        pub planned_zone: Option<String>,
        pub calendar_sequence: i64,
        pub stored_addresses: bool,
        pub sleeps_until: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod member {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "call_members")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub call: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod invitation {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "call_invitations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub call: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i64,
        pub contact_id: i64,
        pub display_name: String,
        pub email: Option<String>,
        pub phone: Option<String>,
        pub language: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod team {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "call_teams")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub call: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i64,
        pub team_id: i64,
        pub name: String,
        pub tags: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod event {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "call_events")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub call: i64,
        pub seq: i64,
        pub kind: String,
        pub contact_id: i64,
        pub at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod history {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "call_history")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub call: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub kind: String,
        pub contact_id: Option<i64>,
        pub channel: Option<String>,
        pub state: Option<String>,
        pub reason: Option<String>,
        pub at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod statistics {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "call_statistics")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub call: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub contact_id: i64,
        pub joined_at: i64,
        pub left_at: i64,
        pub why: String,
        pub reconnects: i64,
        pub figures: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod idempotency {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub caller: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub body_hash: Vec<u8>,
        pub call_id: String,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

super::rows_without_words!(call member invitation team event history statistics idempotency);
