//! Tables of tenants, people and what they log in with.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, big_pk_auto, binary_uniq, boolean, text, text_null, text_uniq},
};

pub(super) fn tables() -> Vec<TableCreateStatement> {
    vec![meta(), node_epochs(), domains(), users(), teams(), team_members(), contacts(), login_sessions(), api_keys()]
}

pub(super) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        Index::create().name("users_login").table("users").col("domain_id").col("login").unique().take(),
        Index::create().name("teams_domain").table("teams").col("domain_id").take(),
        Index::create().name("team_members_user").table("team_members").col("user_id").take(),
        Index::create().name("login_sessions_family").table("login_sessions").col("family").take(),
        Index::create().name("login_sessions_user").table("login_sessions").col("user_id").take(),
        Index::create().name("login_sessions_end").table("login_sessions").col("refresh_expires").take(),
        Index::create().name("api_keys_user").table("api_keys").col("user_id").take(),
    ]
}

pub(super) fn reference(table: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, column).to(to, "id").take()
}

/// One row of what is counted for the whole database.
fn meta() -> TableCreateStatement {
    Table::create().table("meta").col(big_integer("id").primary_key()).col(big_integer("directory_version")).take()
}

fn node_epochs() -> TableCreateStatement {
    Table::create().table("node_epochs").col(text("node").primary_key()).col(big_integer("epoch")).take()
}

fn domains() -> TableCreateStatement {
    Table::create().table("domains").col(big_pk_auto("id")).col(text_uniq("name")).col(boolean("guests_allowed")).take()
}

fn users() -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(big_pk_auto("id"))
        .col(big_integer("domain_id"))
        .col(text("login"))
        .col(text("display_name"))
        .col(text_null("email"))
        .col(text_null("phone"))
        .col(text_null("password_hash"))
        .col(text("roles"))
        .col(boolean("operator"))
        .col(boolean("disabled"))
        .foreign_key(&mut reference("users", "domain_id", "domains"))
        .take()
}

fn teams() -> TableCreateStatement {
    Table::create()
        .table("teams")
        .col(big_pk_auto("id"))
        .col(big_integer("domain_id"))
        .col(text("name"))
        .foreign_key(&mut reference("teams", "domain_id", "domains"))
        .take()
}

fn team_members() -> TableCreateStatement {
    Table::create()
        .table("team_members")
        .col(big_integer("team_id"))
        .col(big_integer("user_id"))
        .primary_key(Index::create().col("team_id").col("user_id"))
        .foreign_key(reference("team_members", "team_id", "teams").on_delete(ForeignKeyAction::Cascade))
        .foreign_key(&mut reference("team_members", "user_id", "users"))
        .take()
}

/// A contact of a user takes its name from the user; its own `display_name` is for guests.
fn contacts() -> TableCreateStatement {
    Table::create()
        .table("contacts")
        .col(big_pk_auto("id"))
        .col(big_integer("domain_id"))
        .col(big_integer_null("user_id").unique_key())
        .col(text("display_name"))
        .foreign_key(&mut reference("contacts", "domain_id", "domains"))
        .foreign_key(&mut reference("contacts", "user_id", "users"))
        .take()
}

/// A row is a pair of tokens; all that came from one login share a family.
fn login_sessions() -> TableCreateStatement {
    Table::create()
        .table("login_sessions")
        .col(big_pk_auto("id"))
        .col(text("family"))
        .col(big_integer("user_id"))
        .col(binary_uniq("access_hash"))
        .col(big_integer("access_expires"))
        .col(binary_uniq("refresh_hash"))
        .col(big_integer("refresh_expires"))
        .col(big_integer("created_at"))
        .col(big_integer_null("replaced_at"))
        .col(boolean("revoked"))
        .foreign_key(&mut reference("login_sessions", "user_id", "users"))
        .take()
}

fn api_keys() -> TableCreateStatement {
    Table::create()
        .table("api_keys")
        .col(big_pk_auto("id"))
        .col(big_integer("user_id"))
        .col(text("name"))
        .col(text("prefix"))
        .col(binary_uniq("hash"))
        .col(big_integer("created_at"))
        .col(boolean("revoked"))
        .foreign_key(&mut reference("api_keys", "user_id", "users"))
        .take()
}
