//! Administration over REST: the caller's own domain for `admin`s, the list of domains for operators.

mod api_keys;
mod dead_letters;
mod domains;
mod request_links;
mod team_queues;
mod teams;
mod users;
mod webhooks;

use std::sync::Arc;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::App;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(users::list_users, users::create_user))
        .routes(routes!(users::get_user, users::change_user))
        .routes(routes!(teams::list_teams, teams::create_team))
        .routes(routes!(teams::replace_team, teams::delete_team))
        .routes(routes!(team_queues::get_team_queue, team_queues::set_team_queue))
        .routes(routes!(request_links::list_request_links, request_links::create_request_link))
        .routes(routes!(request_links::change_request_link, request_links::delete_request_link))
        .routes(routes!(request_links::revoke_request_link))
        .routes(routes!(domains::list_domains, domains::create_domain))
        .routes(routes!(domains::change_domain))
        .routes(routes!(api_keys::list_api_keys, api_keys::create_api_key))
        .routes(routes!(api_keys::revoke_api_key))
        .routes(routes!(dead_letters::list_dead_letters))
        .routes(routes!(dead_letters::resend_dead_letter))
        .routes(routes!(webhooks::list_webhooks, webhooks::create_webhook))
        .routes(routes!(webhooks::get_webhook, webhooks::change_webhook, webhooks::delete_webhook))
        .routes(routes!(webhooks::rotate_webhook_secret))
        .routes(routes!(webhooks::test_webhook))
        .routes(routes!(webhooks::list_webhook_deliveries))
        .routes(routes!(webhooks::resend_webhook_delivery))
}
