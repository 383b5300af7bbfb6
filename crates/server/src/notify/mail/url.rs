//! What `mail_url` says. Read by ourselves: the library's own reader does not know `starttls`, and would send a password in the clear.

use std::net::IpAddr;

use lettre::{
    AsyncSmtpTransport, Tokio1Executor,
    transport::smtp::{
        AsyncSmtpTransportBuilder, Error,
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use url::Url;

const EXAMPLE: &str = "such as smtp://user:password@mail.example.com:587?starttls=required";
/// RFC 6409 and RFC 8314.
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// From the first byte on.
    Tls,
    StartTls,
    StartTlsIfOffered,
    None,
}

/// Holds a password: it cannot be printed.
pub struct MailServer {
    host: String,
    port: u16,
    security: Security,
    user: Option<(String, String)>,
}

impl MailServer {
    /// Errors do not repeat the URL, which may hold a password.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("mail_url: {why}; it must be {EXAMPLE}");
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?.to_owned();
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(wrong("nothing but ?starttls= may follow the host"));
        }
        let user = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => Some((plain(user)?, plain(password)?)),
            _ => return Err(wrong("a user needs a password, and the other way round")),
        };
        let starttls = starttls(&url).map_err(|why| wrong(&why))?;
        let (port, security) = match (url.scheme(), starttls) {
            ("smtps", None) => (url.port().unwrap_or(SUBMISSIONS), Security::Tls),
            ("smtps", Some(_)) => return Err(wrong("smtps:// needs no starttls")),
            ("smtp", chosen) => {
                let port = url.port().unwrap_or(if user.is_some() { SUBMISSION } else { 25 });
                let usual =
                    if user.is_some() || port == SUBMISSION { Security::StartTls } else { Security::StartTlsIfOffered };
                (port, chosen.unwrap_or(usual))
            }
            _ => return Err(wrong("it must begin with smtp:// or smtps://")),
        };
        let safe = matches!(security, Security::Tls | Security::StartTls) || is_loopback(&host);
        if user.is_some() && !safe {
            return Err(wrong("a password is sent within TLS only, but to a server on this machine"));
        }
        Ok(Self { host, port, security, user })
    }

    /// The user, if that is an address.
    pub fn address(&self) -> Option<&str> {
        self.user.as_ref().map(|(user, _)| user.as_str()).filter(|user| user.contains('@'))
    }

    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// `root`: an authority (PEM) to believe instead of the public ones.
    pub fn transport(&self, root: Option<&[u8]>) -> Result<AsyncSmtpTransportBuilder, Error> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let mut parameters = TlsParameters::builder(bare.clone());
        if let Some(root) = root {
            let root = Certificate::from_pem(root)?;
            parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(root);
        }
        let parameters = parameters.build_rustls()?;
        let tls = match self.security {
            Security::Tls => Tls::Wrapper(parameters),
            Security::StartTls => Tls::Required(parameters),
            Security::StartTlsIfOffered => Tls::Opportunistic(parameters),
            Security::None => Tls::None,
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(bare).port(self.port).tls(tls);
        Ok(match &self.user {
            Some((user, password)) => builder.credentials(Credentials::new(user.clone(), password.clone())),
            None => builder,
        })
    }
}

fn starttls(url: &Url) -> Result<Option<Security>, String> {
    let mut chosen = None;
    for (name, value) in url.query_pairs() {
        if name != "starttls" || chosen.is_some() {
            return Err(format!("only starttls may be set, once, not {name}"));
        }
        chosen = Some(match value.as_ref() {
            "required" => Security::StartTls,
            "opportunistic" => Security::StartTlsIfOffered,
            "never" => Security::None,
            other => return Err(format!("starttls is required, opportunistic or never, not {other:?}")),
        });
    }
    Ok(chosen)
}

fn is_loopback(host: &str) -> bool {
    let ip: Result<IpAddr, _> = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// Without its percent-encoding.
fn plain(text: &str) -> Result<String, String> {
    let pair = format!("={text}").replace('+', "%2B");
    let decoded = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
    decoded
        .filter(|text| !text.contains('\u{fffd}'))
        .ok_or_else(|| "mail_url: user and password must be UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (u16, Security, Option<(String, String)>) {
        let MailServer { port, security, user, .. } = MailServer::read(text).unwrap();
        (port, security, user)
    }

    #[test]
    fn a_password_goes_within_tls_unless_something_else_is_asked_for() {
        for (text, port, security) in [
            ("smtp://mail.example.com", 25, Security::StartTlsIfOffered),
            ("smtp://mail.example.com:587", 587, Security::StartTls),
            ("smtp://mail.example.com:2525", 2525, Security::StartTlsIfOffered),
            ("smtp://mail.example.com?starttls=never", 25, Security::None),
            ("smtp://mail.example.com:587/?starttls=opportunistic", 587, Security::StartTlsIfOffered),
            ("smtp://a:b@mail.example.com", 587, Security::StartTls),
            ("smtp://a:b@mail.example.com:25", 25, Security::StartTls),
            ("smtp://a:b@127.0.0.1:25?starttls=never", 25, Security::None),
            ("smtp://a:b@[::1]:25?starttls=opportunistic", 25, Security::StartTlsIfOffered),
            ("smtps://mail.example.com", 465, Security::Tls),
            ("smtps://a:b@mail.example.com:4650", 4650, Security::Tls),
        ] {
            let (read_port, read_security, _) = read(text);
            assert_eq!((read_port, read_security), (port, security), "{text}");
        }
    }

    #[test]
    fn what_would_be_guessed_at_is_refused_without_repeating_the_password() {
        for wrong in [
            "",
            "mail.example.com:587",
            "http://mail.example.com",
            "smtp://",
            "smtp://user@mail.example.com",
            "smtp://:s3cret@mail.example.com",
            "smtp://user:s3cret@mail.example.com?starttls=never",
            "smtp://user:s3cret@mail.example.com?starttls=opportunistic",
            "smtp://mail.example.com?starttls=yes",
            "smtp://mail.example.com?starttls=never&starttls=required",
            "smtp://mail.example.com?tls=required",
            "smtps://mail.example.com?starttls=required",
            "smtp://mail.example.com/inbox",
            "smtp://mail.example.com:70000",
            "smtp://user:s3cret%ff@mail.example.com",
        ] {
            let why = MailServer::read(wrong).err().unwrap_or_else(|| panic!("taken: {wrong}"));
            assert!(why.starts_with("mail_url: ") && !why.contains("s3cret"), "{why}");
        }
    }

    #[test]
    fn user_and_password_are_decoded() {
        let user = read("smtp://me%40example.org:p%40ss+word%3A@mail.example.com").2;
        assert_eq!(user, Some(("me@example.org".to_owned(), "p@ss+word:".to_owned())));
        assert_eq!(MailServer::read("smtp://me%40example.org:x@h").unwrap().address(), Some("me@example.org"));
        assert_eq!(MailServer::read("smtp://me:x@h").unwrap().address(), None);
    }
}
