//! How people are reached: messages to them, the links of guests and calls, and browsers that ring. For reading.

pub(crate) mod delivery {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "deliveries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub call: i64,
        pub position: i64,
        pub call_id: String,
        pub domain_id: i64,
        pub contact_id: i64,
        pub channel: String,
        pub kind: String,
        pub address: String,
        pub facts: String,
        pub state: String,
        pub reason: Option<String>,
        pub tries: i64,
        pub next_at: i64,
        pub not_after: i64,
        pub gateway_id: Option<String>,
        pub node: Option<String>,
        pub epoch: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod delivery_step {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "delivery_steps")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub delivery: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub state: String,
        pub reason: Option<String>,
        pub at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod guest_link {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "guest_links")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub contact_id: i64,
        pub call: i64,
        pub generation: i64,
        pub expires_at: i64,
        pub terms_accepted: Option<String>,
        pub terms_accepted_at: Option<i64>,
        pub knock: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod call_link {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "call_links")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub call: i64,
        pub generation: i64,
        pub expires_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod push_subscription {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "push_subscriptions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub user_id: i64,
        pub family: String,
        pub endpoint: String,
        pub public_key: Vec<u8>,
        pub auth: Vec<u8>,
        pub label: Option<String>,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

super::rows_without_words!(delivery delivery_step guest_link call_link push_subscription);
