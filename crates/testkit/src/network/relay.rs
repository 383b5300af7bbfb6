//! A relay for UDP in front of a server: clients send to it instead of to the server, which sees an address of the relay's for each of them.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::UdpSocket,
    sync::{
        mpsc::{Receiver, Sender, channel},
        watch,
    },
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use super::{Path, Profile};

/// Larger than any datagram of an MTU of 1,500.
const DATAGRAM: usize = 2048;
/// Between the socket and a client's task, which does nothing that takes long.
const WAITING: usize = 1024;

/// What happens to datagrams.
#[derive(Debug, Clone)]
pub struct Weather {
    /// From clients to the server.
    pub up: Profile,
    pub down: Profile,
    /// Each client has links of its own, which follow from the seed and the order in which clients come.
    pub seed: u64,
}

/// Runs until it is dropped. Must be made within a Tokio runtime.
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
    weather: watch::Sender<Weather>,
    task: JoinHandle<()>,
}

/// What whoever holds the relay has done to it.
#[derive(Default)]
struct State {
    cut: AtomicBool,
    /// How often the network has changed.
    changes: AtomicUsize,
}

impl Relay {
    /// A relay at `listen`; with port 0, on a free one.
    pub async fn start(listen: SocketAddr, server: SocketAddr, weather: Weather) -> io::Result<Self> {
        let socket = Arc::new(UdpSocket::bind(listen).await?);
        let address = socket.local_addr()?;
        let state = Arc::new(State::default());
        let (weather, changing) = watch::channel(weather);
        let task = tokio::spawn(run(socket, server, changing, Arc::clone(&state)));
        Ok(Self { address, state, weather, task })
    }

    /// From now on links are like this, as from the beginning of these profiles.
    pub fn change_weather(&self, up: Profile, down: Profile) {
        self.weather.send_modify(|weather| (weather.up, weather.down) = (up, down));
    }

    /// Nothing passes any more in either direction, or everything again that the weather lets through.
    pub fn cut(&self, cut: bool) {
        self.state.cut.store(cut, Ordering::Relaxed);
    }

    /// As after a change of network: the addresses clients have had so far lead nowhere any more, in either direction; others do.
    pub fn change_network(&self) {
        self.state.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Where clients are to send to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(socket: Arc<UdpSocket>, server: SocketAddr, changing: watch::Receiver<Weather>, state: Arc<State>) {
    let start = Instant::now();
    let mut clients: HashMap<SocketAddr, Sender<Vec<u8>>> = HashMap::new();
    // The clients' tasks end with this one.
    let mut tasks = tokio::task::JoinSet::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let number = u64::try_from(clients.len()).unwrap_or_default();
        let client = clients.entry(from).or_insert_with(|| {
            let (send, datagrams) = channel(WAITING);
            let changing = changing.clone();
            let Weather { up, down, seed } = changing.borrow().clone();
            let seed = seed.wrapping_add(number * 2);
            let (up, down) = (Path::new(up, seed), Path::new(down, seed.wrapping_add(1)));
            let client = Client {
                address: from,
                socket: Arc::clone(&socket),
                server,
                start,
                up,
                down,
                changing,
                came_after: state.changes.load(Ordering::Relaxed),
                state: Arc::clone(&state),
            };
            tasks.spawn(client.run(datagrams));
            send
        });
        // What does not fit is lost, as on any full link.
        let _ = client.try_send(buffer.get(..length).unwrap_or_default().to_vec());
    }
}

struct Client {
    address: SocketAddr,
    socket: Arc<UdpSocket>,
    server: SocketAddr,
    start: Instant,
    up: Path,
    down: Path,
    changing: watch::Receiver<Weather>,
    /// So many changes of network.
    came_after: usize,
    state: Arc<State>,
}

enum Way {
    Up,
    Down,
}

impl Client {
    async fn run(mut self, mut datagrams: Receiver<Vec<u8>>) -> io::Result<()> {
        let towards = UdpSocket::bind((self.socket.local_addr()?.ip(), 0)).await?;
        towards.connect(self.server).await?;
        // By when they arrive; the number keeps those of the same moment in order.
        let mut flying: BTreeMap<(Duration, u64), (Way, Vec<u8>)> = BTreeMap::new();
        let mut number = 0_u64;
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let next = flying.first_key_value().map(|(&(at, _), _)| self.start + at);
            let (way, datagram) = tokio::select! {
                Some(datagram) = datagrams.recv() => (Way::Up, datagram),
                // A server that is not there yet refuses.
                Ok(length) = towards.recv(&mut buffer) => (Way::Down, buffer.get(..length).unwrap_or_default().to_vec()),
                () = at(next) => {
                    if let Some((_, (way, datagram))) = flying.pop_first() {
                        self.deliver(&towards, &way, &datagram).await;
                    }
                    continue;
                }
            };
            if self.is_cut() {
                continue;
            }
            if self.changing.has_changed().unwrap_or(false) {
                let Weather { up, down, .. } = self.changing.borrow_and_update().clone();
                self.up.change(self.start.elapsed(), up);
                self.down.change(self.start.elapsed(), down);
            }
            let path = if matches!(way, Way::Up) { &mut self.up } else { &mut self.down };
            if let Some(arrives) = path.carry(self.start.elapsed(), datagram.len()) {
                number += 1;
                flying.insert((arrives, number), (way, datagram));
            }
        }
    }

    fn is_cut(&self) -> bool {
        self.state.cut.load(Ordering::Relaxed) || self.came_after != self.state.changes.load(Ordering::Relaxed)
    }

    /// What cannot be delivered is lost.
    async fn deliver(&self, towards: &UdpSocket, way: &Way, datagram: &[u8]) {
        let _ = match way {
            Way::Up => towards.send(datagram).await,
            Way::Down => self.socket.send_to(datagram, self.address).await,
        };
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::WAIT;

    const LOCALHOST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    async fn echo() -> SocketAddr {
        let socket = UdpSocket::bind(LOCALHOST).await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 64];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                socket.send_to(&buffer[..length], from).await.unwrap();
            }
        });
        address
    }

    /// Which of a hundred datagrams come back through the relay.
    async fn survivors(weather: &Weather, expected: usize) -> Vec<u8> {
        let relay = Relay::start(LOCALHOST, echo().await, weather.clone()).await.unwrap();
        let client = UdpSocket::bind(LOCALHOST).await.unwrap();
        for number in 0..100 {
            client.send_to(&[number], relay.address()).await.unwrap();
        }
        let mut back = Vec::new();
        let mut buffer = [0; 64];
        while back.len() < expected {
            timeout(WAIT, client.recv_from(&mut buffer)).await.unwrap().unwrap();
            back.push(buffer[0]);
        }
        back
    }

    #[tokio::test]
    async fn those_come_back_that_neither_path_loses() {
        let profile: Profile = "loss=30% rtt=10ms".parse().unwrap();
        let weather = Weather { up: profile.clone(), down: profile.clone(), seed: 5 };
        let (mut up, mut down) = (Path::new(profile.clone(), 5), Path::new(profile, 6));
        let passes = |path: &mut Path| path.carry(Duration::ZERO, 1).is_some();
        let there: Vec<u8> = (0..100).filter(|_| passes(&mut up)).collect();
        let back: Vec<u8> = there.into_iter().filter(|_| passes(&mut down)).collect();
        assert!((30..70).contains(&back.len()));
        assert_eq!(survivors(&weather, back.len()).await, back);
    }

    #[tokio::test]
    async fn the_weather_changes_for_those_who_are_there() {
        let [clear, blocked]: [Profile; 2] = ["", "blocked"].map(|text| text.parse().unwrap());
        let server = UdpSocket::bind(LOCALHOST).await.unwrap();
        let weather = Weather { up: clear.clone(), down: clear.clone(), seed: 1 };
        let relay = Relay::start(LOCALHOST, server.local_addr().unwrap(), weather).await.unwrap();
        let client = UdpSocket::bind(LOCALHOST).await.unwrap();
        let mut buffer = [0; 64];
        let mut heard = async |said: &'static [u8]| {
            client.send_to(said, relay.address()).await.unwrap();
            let (length, back) = timeout(WAIT, server.recv_from(&mut buffer)).await.unwrap().unwrap();
            (String::from_utf8_lossy(&buffer[..length]).into_owned(), back)
        };
        let (first, back) = heard(b"first").await;
        assert_eq!(first, "first");
        relay.change_weather(clear.clone(), blocked);
        assert_eq!(heard(b"second").await.0, "second", "up it is as it was");
        server.send_to(b"lost", back).await.unwrap();
        // Answered by nobody: it is the relay's turn before the next.
        assert_eq!(heard(b"third").await.0, "third");
        relay.change_weather(clear.clone(), clear.clone());
        assert_eq!(heard(b"fourth").await.0, "fourth");
        server.send_to(b"found", back).await.unwrap();
        let mut buffer = [0; 64];
        let length = timeout(WAIT, client.recv(&mut buffer)).await.unwrap().unwrap();
        assert_eq!(&buffer[..length], b"found");
    }

    #[tokio::test]
    async fn after_a_change_of_network_only_new_addresses_lead_anywhere() {
        let clear: Profile = "".parse().unwrap();
        let server = UdpSocket::bind(LOCALHOST).await.unwrap();
        let weather = Weather { up: clear.clone(), down: clear, seed: 1 };
        let relay = Relay::start(LOCALHOST, server.local_addr().unwrap(), weather).await.unwrap();
        let (old, new) = (UdpSocket::bind(LOCALHOST).await.unwrap(), UdpSocket::bind(LOCALHOST).await.unwrap());
        let mut buffer = [0; 64];
        let mut heard = async || {
            let length = timeout(WAIT, server.recv(&mut buffer)).await.unwrap().unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        old.send_to(b"before", relay.address()).await.unwrap();
        assert_eq!(heard().await, "before");
        relay.change_network();
        old.send_to(b"old", relay.address()).await.unwrap();
        new.send_to(b"new", relay.address()).await.unwrap();
        assert_eq!(heard().await, "new");
    }

    #[tokio::test]
    async fn every_client_has_an_address_and_links_of_its_own() {
        let clear: Profile = "".parse().unwrap();
        let relay =
            Relay::start(LOCALHOST, echo().await, Weather { up: clear.clone(), down: clear, seed: 1 }).await.unwrap();
        let (one, other) = (UdpSocket::bind(LOCALHOST).await.unwrap(), UdpSocket::bind(LOCALHOST).await.unwrap());
        one.send_to(b"one", relay.address()).await.unwrap();
        other.send_to(b"other", relay.address()).await.unwrap();
        for (client, said) in [(one, &b"one"[..]), (other, b"other")] {
            let mut buffer = [0; 64];
            let (length, _) = timeout(WAIT, client.recv_from(&mut buffer)).await.unwrap().unwrap();
            assert_eq!(&buffer[..length], said);
        }
    }
}
