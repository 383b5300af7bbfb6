//! What people and programs log in with.

pub(crate) mod login_session {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "login_sessions")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub family: String,
        pub user_id: i64,
        pub access_hash: Vec<u8>,
        pub access_expires: i64,
        pub refresh_hash: Vec<u8>,
        pub refresh_expires: i64,
        pub created_at: i64,
        pub replaced_at: Option<i64>,
        pub revoked: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod api_key {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "api_keys")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub user_id: i64,
        pub name: String,
        pub prefix: String,
        pub hash: Vec<u8>,
        pub created_at: i64,
        pub revoked: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::super::people::user::Entity",
            from = "Column::UserId",
            to = "super::super::people::user::Column::Id"
        )]
        User,
    }

    impl Related<super::super::people::user::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::User.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

super::rows_without_words!(login_session api_key);
