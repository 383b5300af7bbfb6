//! Virtual time: nothing waits, everything happens in order. The same seed loses the same packets.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    time::{Duration, Instant},
};

use farhand_sfu::{
    Command, Config, Identity, Input, LayerRate, Limits, Member, Notice, OfferError, Output, PeerId, Protocol, RoomId,
    Sfu, Shown, Source, TrackName, View,
};

use crate::client::{Client, FRAME_INTERVAL};

pub const ROOM: RoomId = RoomId(77);
pub const SFU: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 443);

/// One participant's link.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub delay: Duration,
    /// Of 1,000 packets, in each direction.
    pub loss: u32,
    /// In bit/s towards the client; what does not fit waits, and is lost after 300 ms.
    pub rate: Option<u64>,
    pub cut: bool,
    /// Which path the client wants to use does not arrive.
    pub undecided: bool,
}

impl Default for Link {
    fn default() -> Self {
        Self { delay: Duration::from_millis(10), loss: 0, rate: None, cut: false, undecided: false }
    }
}

enum Flying {
    ToSfu { from: SocketAddr, contents: Vec<u8> },
    ToClient { to: SocketAddr, contents: Vec<u8> },
}

pub struct World {
    pub now: Instant,
    pub sfu: Sfu,
    pub clients: Vec<Client>,
    pub links: HashMap<PeerId, Link>,
    pub notices: Vec<Notice>,
    pub members: Vec<Member>,
    flying: BTreeMap<(Instant, u64), Flying>,
    count: u64,
    /// When each client's link is free again.
    busy_until: HashMap<PeerId, Instant>,
    random: u64,
    next_frame: Instant,
    /// How often the SFU had to be woken, and what it sent.
    pub wakes: usize,
    /// Steps since time went on.
    stood: usize,
    pub sent: usize,
    sent_to: HashMap<PeerId, usize>,
    /// How many addresses it learned.
    pub learned: usize,
}

impl World {
    pub fn new() -> Self {
        let now = Instant::now();
        let config = Config { worker: 1, udp: vec![SFU], tcp: Vec::new(), identity: Identity::generate() };
        Self {
            now,
            sfu: Sfu::new(now, config),
            clients: Vec::new(),
            links: HashMap::new(),
            notices: Vec::new(),
            members: Vec::new(),
            flying: BTreeMap::new(),
            count: 0,
            busy_until: HashMap::new(),
            random: 0x9e37_79b9_7f4a_7c15,
            next_frame: now,
            wakes: 0,
            stood: 0,
            sent: 0,
            sent_to: HashMap::new(),
            learned: 0,
        }
    }

    /// Somebody comes in, with slots for so many others.
    pub fn join(&mut self, id: u64, slots: usize) -> PeerId {
        self.arrive(id, slots, true, |_, _| {})
    }

    /// Somebody comes in who is different, or whose offer is.
    pub fn join_with(&mut self, id: u64, slots: usize, change: impl FnOnce(&mut Client, &mut String)) -> PeerId {
        self.arrive(id, slots, true, change)
    }

    /// Somebody whose picture is a screen, which is not shared yet.
    pub fn join_with_screen(&mut self, id: u64, slots: usize) -> PeerId {
        self.arrive(id, slots, true, |client, _| client.source = Source::Screen)
    }

    pub fn share(&mut self, peer: PeerId, sharing: bool) {
        self.members.iter_mut().filter(|member| member.peer == peer).for_each(|member| member.sharing = sharing);
        self.command(Command::Members { room: ROOM, members: self.members.clone() });
    }

    /// Somebody's connection is made, but it is not let in yet.
    pub fn ring(&mut self, id: u64, slots: usize) -> PeerId {
        self.arrive(id, slots, false, |_, _| {})
    }

    fn arrive(&mut self, id: u64, slots: usize, live: bool, change: impl FnOnce(&mut Client, &mut String)) -> PeerId {
        let peer = PeerId(id);
        let address = SocketAddr::from(([198, 51, 100, u8::try_from(id).unwrap()], 40_000));
        let (mut client, mut offer) = Client::new(self.now, peer, address, slots);
        change(&mut client, &mut offer);
        self.members.push(Member { peer, name: id.cast_signed(), live, sharing: false, limits: Limits::default() });
        self.command(Command::Members { room: ROOM, members: self.members.clone() });
        let tracks = client.tracks();
        self.clients.push(client);
        let answer = self.offer(peer, offer, tracks).unwrap();
        self.client(peer).answered(&answer);
        self.collect();
        peer
    }

    pub fn offer(&mut self, peer: PeerId, sdp: String, tracks: Vec<TrackName>) -> Result<String, OfferError> {
        let password = format!("a-password-of-peer-{peer}-{}", self.count);
        self.command(Command::Offer { room: ROOM, peer, sdp, tracks, password });
        let answer =
            self.notices.iter().rposition(|notice| matches!(notice, Notice::Answer { .. })).expect("an answer");
        let Notice::Answer { answer, .. } = self.notices.remove(answer) else { unreachable!() };
        answer
    }

    pub fn restart_ice(&mut self, peer: PeerId) {
        let offer = self.client(peer).restart_ice();
        let tracks = self.client(peer).tracks();
        let answer = self.offer(peer, offer, tracks).unwrap();
        self.client(peer).answered(&answer);
    }

    pub fn accept(&mut self, peer: PeerId) {
        for member in &mut self.members {
            member.live |= member.peer == peer;
        }
        self.command(Command::Members { room: ROOM, members: self.members.clone() });
    }

    pub fn leave(&mut self, peer: PeerId) {
        self.members.retain(|member| member.peer != peer);
        self.command(Command::Members { room: ROOM, members: self.members.clone() });
    }

    pub fn view(&mut self, viewer: PeerId, views: &[(PeerId, u32)]) {
        let views = views.iter().map(|(peer, height)| View { peer: *peer, source: Source::Camera, height: *height });
        self.command(Command::Views { room: ROOM, peer: viewer, views: views.collect() });
    }

    pub fn command(&mut self, command: Command) {
        self.sfu.handle(self.now, Input::Command(command));
        self.collect();
    }

    pub fn client(&mut self, peer: PeerId) -> &mut Client {
        self.clients.iter_mut().find(|client| client.id == peer).unwrap()
    }

    pub fn link(&mut self, peer: PeerId) -> &mut Link {
        self.links.entry(peer).or_default()
    }

    /// What somebody is shown, by the newest word.
    pub fn shown(&self, to: PeerId) -> Vec<Shown> {
        let found = self.notices.iter().rev().find_map(|notice| match notice {
            Notice::Slots { peer, shown, .. } if *peer == to => Some(shown.clone()),
            _ => None,
        });
        found.unwrap_or_default()
    }

    /// What somebody's layers should take, by the newest word, in bit/s.
    pub fn rates(&self, of: PeerId) -> Vec<LayerRate> {
        let found = self.notices.iter().rev().find_map(|notice| match notice {
            Notice::Slots { peer, rates, .. } if *peer == of => Some(rates.clone()),
            _ => None,
        });
        found.unwrap_or_default()
    }

    pub fn missing(&self, to: PeerId) -> usize {
        let found = self.notices.iter().rev().find_map(|notice| match notice {
            Notice::Slots { peer, missing, .. } if *peer == to => Some(*missing),
            _ => None,
        });
        found.unwrap_or_default()
    }

    pub fn run(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        while self.now < end {
            self.step(end);
        }
    }

    /// Runs until it is so; panics after so many seconds.
    pub fn run_until(&mut self, what: &str, seconds: u64, done: impl Fn(&mut Self) -> bool) -> Duration {
        let start = self.now;
        while !done(self) {
            assert!(self.now - start < Duration::from_secs(seconds), "not within {seconds} s: {what}");
            self.step(self.now + Duration::from_millis(5));
        }
        self.now - start
    }

    /// Datagrams on the way to somebody, whether they arrive or not.
    pub fn sent_to(&self, who: PeerId) -> usize {
        self.sent_to.get(&who).copied().unwrap_or_default()
    }

    /// A datagram from anywhere, past all links.
    pub fn inject(&mut self, from: SocketAddr, contents: &[u8]) {
        self.sfu.handle(self.now, Input::Datagram { protocol: Protocol::Udp, source: from, contents });
        self.collect();
    }

    fn step(&mut self, end: Instant) {
        let next =
            [Some(end), Some(self.next_frame), self.sfu.next_wake(), self.flying.keys().next().map(|(at, _)| *at)];
        let next = next.into_iter().flatten().chain(self.clients.iter().map(|client| client.wake)).min().unwrap();
        self.stood = if next > self.now { 0 } else { self.stood + 1 };
        assert!(self.stood < 10_000, "something asks to be woken at once for ever");
        self.now = self.now.max(next);
        while self.flying.keys().next().is_some_and(|(at, _)| *at <= self.now) {
            let (_, flying) = self.flying.pop_first().unwrap();
            self.land(flying);
        }
        self.collect();
        if self.sfu.next_wake().is_some_and(|at| at <= self.now) {
            self.wakes += 1;
            self.sfu.handle(self.now, Input::Wake);
        }
        for client in &mut self.clients {
            if client.wake <= self.now {
                client.advance(self.now);
            }
        }
        if self.next_frame <= self.now {
            self.next_frame = self.now + FRAME_INTERVAL;
            for client in &mut self.clients {
                client.send_media(self.now);
            }
        }
        self.collect();
    }

    fn land(&mut self, flying: Flying) {
        match flying {
            Flying::ToSfu { from, contents } => {
                self.sfu
                    .handle(self.now, Input::Datagram { protocol: Protocol::Udp, source: from, contents: &contents });
            }
            Flying::ToClient { to, contents } => {
                if let Some(client) = self.clients.iter_mut().find(|client| client.seen_at == to) {
                    client.receive(self.now, SFU, &contents);
                }
            }
        }
    }

    /// Puts everything that wants to be sent onto the links.
    fn collect(&mut self) {
        while let Some(output) = self.sfu.poll() {
            match output {
                Output::Transmit(transmit) => {
                    self.sent += 1;
                    self.fly_to_client(transmit.destination, transmit.contents);
                }
                Output::Notice(_, notice) => self.notices.push(notice),
                Output::Learned(..) => self.learned += 1,
                Output::Forgotten(..) => {}
            }
        }
        let mut sent = Vec::new();
        for client in &mut self.clients {
            let (id, from) = (client.id, client.seen_at);
            sent.extend(client.outbox().into_iter().map(|(_, contents)| (id, from, contents)));
        }
        for (id, from, contents) in sent {
            let link = *self.link(id);
            let unheard = link.undecided && nominates(&contents);
            if !(self.lost(link) || unheard) {
                self.fly(self.now + link.delay, Flying::ToSfu { from, contents });
            }
        }
    }

    fn fly_to_client(&mut self, to: SocketAddr, contents: Vec<u8>) {
        let Some(id) = self.clients.iter().find(|client| client.seen_at == to).map(|client| client.id) else { return };
        *self.sent_to.entry(id).or_default() += 1;
        let link = *self.link(id);
        if self.lost(link) {
            return;
        }
        let mut at = self.now;
        if let Some(rate) = link.rate {
            let free = self.busy_until.get(&id).copied().unwrap_or(at).max(at);
            if free - at > Duration::from_millis(300) {
                return;
            }
            at = free + Duration::from_micros(contents.len() as u64 * 8_000_000 / rate);
            self.busy_until.insert(id, at);
        }
        self.fly(at + link.delay, Flying::ToClient { to, contents });
    }

    fn fly(&mut self, at: Instant, flying: Flying) {
        self.count += 1;
        self.flying.insert((at, self.count), flying);
    }

    fn lost(&mut self, link: Link) -> bool {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let draw = self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        link.cut || draw % 1_000 < u64::from(link.loss)
    }
}

/// A STUN request with USE-CANDIDATE.
fn nominates(datagram: &[u8]) -> bool {
    datagram.starts_with(&[0, 1]) && datagram.chunks(4).any(|chunk| chunk == [0x00, 0x25, 0x00, 0x00])
}
