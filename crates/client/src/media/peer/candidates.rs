//! Candidates: where this end can be reached, and the other.

use std::net::SocketAddr;

use farhand_protocol::frame::Signal;
use str0m::{
    Candidate,
    net::{Protocol, TcpType},
};

use super::{Effect, Other, Peer};
use crate::media::MediaError;

/// Candidates kept until the description they belong to has come. A browser with a few networks has a dozen.
pub(super) const MAX_WAITING_CANDIDATES: usize = 64;

/// A candidate of this end, or that there are no more.
pub(super) enum Local {
    Candidate(Candidate),
    End,
}

impl Peer {
    pub(in crate::media) fn local_host(&mut self, address: SocketAddr, protocol: Protocol) -> Result<(), MediaError> {
        let candidate = match protocol {
            Protocol::Tcp => Candidate::builder().tcp().host(address).tcptype(TcpType::Active).build(),
            Protocol::Udp | Protocol::SslTcp | Protocol::Tls => Candidate::host(address, protocol),
        };
        let candidate = candidate.map_err(|e| MediaError::Engine(e.to_string()))?;
        self.local(Local::Candidate(candidate))
    }

    /// `mapped` is how the socket at `base` looks from outside.
    pub(in crate::media) fn local_reflexive(&mut self, mapped: SocketAddr, base: SocketAddr) -> Result<(), MediaError> {
        if mapped == base {
            return Ok(());
        }
        match Candidate::server_reflexive(mapped, base, "udp") {
            Ok(candidate) => self.local(Local::Candidate(candidate)),
            Err(error) => {
                tracing::debug!(%error, "the STUN server's answer is no use");
                Ok(())
            }
        }
    }

    pub(in crate::media) fn local_end(&mut self) -> Result<(), MediaError> {
        self.local(Local::End)
    }

    /// Candidates go out after the description they belong to, one by one.
    fn local(&mut self, local: Local) -> Result<(), MediaError> {
        if let Some(unsent) = &mut self.unsent {
            unsent.push(local);
            return Ok(());
        }
        let text = match local {
            Local::Candidate(candidate) => self.rtc.add_local_candidate(candidate).map(Candidate::to_sdp_string),
            Local::End => Some(String::new()),
        };
        self.drain()?;
        // The SFU learns addresses from the checks that come from them.
        if let (Some(candidate), Other::Peer(_)) = (text, &self.other) {
            let signal =
                Signal::Candidate { candidate, sdp_mid: None, sdp_m_line_index: Some(0), username_fragment: None };
            self.effects.push_back(Effect::Signal(signal));
        }
        Ok(())
    }

    pub(super) fn now_described(&mut self) -> Result<(), MediaError> {
        self.unsent.take().into_iter().flatten().try_for_each(|local| self.local(local))
    }

    pub(super) fn now_remote_described(&mut self) -> Result<(), MediaError> {
        self.waiting.take().into_iter().flatten().try_for_each(|candidate| self.add_remote(candidate))
    }

    pub(super) fn remote_candidate(&mut self, text: &str) -> Result<(), MediaError> {
        if text.is_empty() {
            return Ok(());
        }
        let candidate = match Candidate::from_sdp_string(text.strip_prefix("a=").unwrap_or(text)) {
            Ok(candidate) if candidate.proto() == Protocol::Udp => candidate,
            Ok(_) => return Ok(()),
            // A browser that hides its address sends a name ending in .local: its checks will show the address.
            Err(error) => {
                tracing::debug!(%error, "candidate not understood");
                return Ok(());
            }
        };
        match &mut self.waiting {
            None => return self.add_remote(candidate),
            Some(waiting) if waiting.len() < MAX_WAITING_CANDIDATES => waiting.push(candidate),
            Some(_) => {}
        }
        Ok(())
    }

    fn add_remote(&mut self, candidate: Candidate) -> Result<(), MediaError> {
        self.rtc.add_remote_candidate(candidate);
        self.drain()
    }
}
