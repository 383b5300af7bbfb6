//! Tables of calls and what hangs on them. No call is ever deleted, so nothing cascades here.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, big_pk_auto, binary, boolean, text, text_null, text_uniq},
};

use super::people::reference;

pub(super) fn tables() -> Vec<TableCreateStatement> {
    vec![calls(), call_members(), call_invitations(), call_teams(), call_events(), call_history(), idempotency_keys()]
}

pub(super) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        // Lists are a tenant's newest calls, often of one status.
        Index::create().name("calls_domain").table("calls").col("domain_id").col("id").take(),
        Index::create().name("calls_status").table("calls").col("domain_id").col("status").col("id").take(),
        // What a start takes over: few rows of many.
        Index::create()
            .name("calls_running")
            .table("calls")
            .col("id")
            .and_where(Expr::col("ended_at").is_null())
            .take(),
        Index::create().name("call_events_seq").table("call_events").col("call").col("seq").unique().take(),
        Index::create().name("idempotency_keys_age").table("idempotency_keys").col("created_at").take(),
    ]
}

fn calls() -> TableCreateStatement {
    Table::create()
        .table("calls")
        .col(big_pk_auto("id"))
        .col(text_uniq("call_id"))
        .col(big_integer("domain_id"))
        .col(text("title"))
        .col(text("reason"))
        .col(text("call_type"))
        .col(text("status"))
        .col(boolean("join_anonymous"))
        .col(boolean("inform_directly"))
        .col(big_integer_null("creator_user"))
        .col(big_integer("creator_id"))
        .col(big_integer("maker_id"))
        .col(big_integer_null("planned_at"))
        .col(big_integer("created_at"))
        .col(big_integer_null("started_at"))
        .col(big_integer_null("ended_at"))
        .col(big_integer("version"))
        .col(text("owner_node"))
        .col(big_integer("owner_epoch"))
        // Last, because it is long and lists skip it.
        .col(text("state"))
        .foreign_key(&mut reference("calls", "domain_id", "domains"))
        .foreign_key(&mut reference("calls", "creator_id", "contacts"))
        .foreign_key(&mut reference("calls", "maker_id", "contacts"))
        .take()
}

/// Which users find a call in their own list. Guests have none, so they have no row.
fn call_members() -> TableCreateStatement {
    Table::create()
        .table("call_members")
        .col(big_integer("user_id"))
        .col(big_integer("call"))
        .primary_key(Index::create().col("user_id").col("call"))
        .foreign_key(&mut reference("call_members", "user_id", "users"))
        .foreign_key(&mut reference("call_members", "call", "calls"))
        .take()
}

/// With the addresses of the request that invited, which may differ from the user's own.
fn call_invitations() -> TableCreateStatement {
    Table::create()
        .table("call_invitations")
        .col(big_integer("call"))
        .col(big_integer("position"))
        .col(big_integer("contact_id"))
        .col(text("display_name"))
        .col(text_null("email"))
        .col(text_null("phone"))
        .primary_key(Index::create().col("call").col("position"))
        .foreign_key(&mut reference("call_invitations", "call", "calls"))
        .foreign_key(&mut reference("call_invitations", "contact_id", "contacts"))
        .take()
}

/// As they were called when invited: a team may be renamed or deleted later.
fn call_teams() -> TableCreateStatement {
    Table::create()
        .table("call_teams")
        .col(big_integer("call"))
        .col(big_integer("position"))
        .col(big_integer("team_id"))
        .col(text("name"))
        .primary_key(Index::create().col("call").col("position"))
        .foreign_key(&mut reference("call_teams", "call", "calls"))
        .take()
}

fn call_events() -> TableCreateStatement {
    Table::create()
        .table("call_events")
        .col(big_pk_auto("id"))
        .col(big_integer("call"))
        .col(big_integer("seq"))
        .col(text("kind"))
        .col(big_integer("contact_id"))
        .col(big_integer("at"))
        .foreign_key(&mut reference("call_events", "call", "calls"))
        .foreign_key(&mut reference("call_events", "contact_id", "contacts"))
        .take()
}

fn call_history() -> TableCreateStatement {
    Table::create()
        .table("call_history")
        .col(big_integer("call"))
        .col(big_integer("seq"))
        .col(text("kind"))
        .col(big_integer_null("contact_id"))
        .col(text_null("channel"))
        .col(text_null("state"))
        .col(text_null("reason"))
        .col(big_integer("at"))
        .primary_key(Index::create().col("call").col("seq"))
        .foreign_key(&mut reference("call_history", "call", "calls"))
        .foreign_key(&mut reference("call_history", "contact_id", "contacts"))
        .take()
}

/// Without a foreign key to the call: the key is taken first, in the same transaction.
fn idempotency_keys() -> TableCreateStatement {
    Table::create()
        .table("idempotency_keys")
        .col(big_integer("caller"))
        .col(text("key"))
        .col(binary("body_hash"))
        .col(text("call_id"))
        .col(big_integer("created_at"))
        .primary_key(Index::create().col("caller").col("key"))
        .take()
}
