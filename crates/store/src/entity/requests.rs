//! Public links for service requests, and what came by them. For reading.

pub(crate) mod request_link {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "request_links")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub domain_id: i64,
        pub name: String,
        pub title: Option<String>,
        pub teams: String,
        pub fields: String,
        pub enabled: bool,
        pub generation: i64,
        pub expires_at: Option<i64>,
        pub most_open: Option<i64>,
        pub most_hourly: Option<i64>,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod origin {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "request_origins")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub call: i64,
        pub domain_id: i64,
        pub link: i64,
        pub name: String,
        pub details: String,
        pub network: String,
        pub attempt: String,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

super::rows_without_words!(request_link origin);
