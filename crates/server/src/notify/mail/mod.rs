//! E-mail, through any SMTP server.

mod compose;
mod html;
mod url;

use std::{fs, str::FromStr as _, time::Duration};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{Error, PoolConfig, extension::ClientId},
};

pub use self::compose::{Letter, Sender, one_line};
use self::url::MailServer;
use super::attempt::Attempt;
use crate::{config::Config, planned::entry::SOME_HOST};

/// For each exchange with the server. Servers that think about a message for minutes are not waited for: it is sent again later.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// For the whole.
const SEND_WITHIN: Duration = Duration::from_mins(1);
/// A login that the server refuses concerns all messages, and may be mended (RFC 4954, section 6).
const LOGIN_REFUSED: [&str; 3] = ["530", "534", "535"];

pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Sender,
    pub connections: usize,
}

impl Mail {
    /// `None`: no mail server is named.
    pub fn open(config: &Config) -> Result<Option<Self>, String> {
        let Some(url) = &config.mail_url else { return Ok(None) };
        let server = MailServer::read(url)?;
        let root = config
            .mail
            .root
            .as_ref()
            .map(|file| fs::read(file).map_err(|error| format!("mail.root: {}: {error}", file.display())));
        let host = config.public_host().unwrap_or_else(|| SOME_HOST.to_owned());
        let from = sender(config, &server, &host)?;
        let connections = config.mail.connections;
        let transport = server.transport(root.transpose()?.as_deref()).map_err(|error| format!("mail_url: {error}"))?;
        let transport = transport
            .hello_name(ClientId::Domain(host.clone()))
            .timeout(Some(ANSWER_WITHIN))
            .pool_config(PoolConfig::new().max_size(connections))
            .build();
        tracing::info!(server = server.name(), from = %from.email, "sends e-mail");
        let connections = usize::try_from(connections).unwrap_or(usize::MAX);
        Ok(Some(Self { transport, sender: Sender { from, host }, connections }))
    }

    pub async fn send(&self, letter: &Letter<'_>) -> Attempt {
        let message = match compose::message(&self.sender, letter) {
            Ok(message) => message,
            Err(words) => return Attempt::Refused { words },
        };
        let sent = tokio::time::timeout(SEND_WITHIN, self.transport.send(message)).await;
        match sent {
            Ok(Ok(_)) => Attempt::Taken { gateway_id: None },
            Ok(Err(error)) => failed(&error),
            Err(_) => Attempt::Unknown { words: "the mail server took too long".to_owned() },
        }
    }
}

/// Whether a letter could be addressed so.
pub fn is_address(text: &str) -> bool {
    Address::from_str(text).is_ok()
}

fn sender(config: &Config, server: &MailServer, host: &str) -> Result<Mailbox, String> {
    let configured = config.mail.from.as_deref().or(server.address());
    let text = configured.map_or_else(|| format!("farhand@{host}"), str::to_owned);
    let address = Address::from_str(&text).map_err(|_| format!("mail.from must be an address, not {text:?}"))?;
    Ok(Mailbox::new(Some(compose::one_line(&config.mail.name)), address))
}

fn failed(error: &Error) -> Attempt {
    let words = words(error);
    let status = error.status().map(|code| code.to_string());
    if status.is_some_and(|status| LOGIN_REFUSED.contains(&status.as_str())) || error.is_transient() {
        Attempt::Later { after: None, words }
    } else if error.is_permanent() {
        Attempt::Refused { words }
    } else {
        Attempt::Unknown { words }
    }
}

/// The server's own, in one line.
fn words(error: &Error) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let more = inner.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        source = inner.source();
    }
    compose::one_line(&words)
}
