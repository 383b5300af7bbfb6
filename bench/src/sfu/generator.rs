//! The load: one thread that runs all participants, each with a UDP socket of its own. An open loop: what is due is sent when it is due,
//! or, if the generator was late, at once, and the delay counts from when it was due.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, AsRawFd},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, Waker, net::UdpSocket, unix::SourceFd};
use nix::sys::{
    time::TimeSpec,
    timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
};
use tokio::sync::oneshot;

use super::{
    flood::Overheard,
    media::Source,
    tally::Tally,
    wire::{Counting, Line, Said, Wire},
};
use crate::{Outcome, proc};

/// Larger than any datagram of an MTU of 1,500.
const DATAGRAM: usize = 2048;
/// How exactly connections' own timers are kept. Not those of media.
const SWEEP: Duration = Duration::from_millis(2);
/// A core that is full for a moment must not lose what comes meanwhile.
const KERNEL_BUFFER: usize = 1024 * 1024;
/// Participants start a little after each other, in steps without a common rhythm.
const PHASE_STEP: Duration = Duration::from_micros(20_601);
const PHASES: Duration = Duration::from_micros(33_333);

const WAKER: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);

/// A participant's connection, ready to run.
pub(crate) struct Participant {
    pub(crate) socket: UdpSocket,
    pub(crate) wire: Box<dyn Wire>,
    pub(crate) lines: Vec<Line>,
}

enum Command {
    Add(Participant, oneshot::Sender<()>),
    /// Sources begin.
    Start,
    /// Hands over what was counted, and counts anew.
    Take(oneshot::Sender<Tally>),
    /// Hands over the next packet of media of the first participant.
    Overhear(oneshot::Sender<Overheard>),
    Stop,
}

/// The thread's handle. Dropping it stops the thread.
pub(crate) struct Generator {
    commands: mpsc::Sender<Command>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
    address: IpAddr,
}

impl Generator {
    pub(crate) fn start(address: IpAddr) -> Outcome<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (commands, inbox) = mpsc::channel();
        let mut engine = Engine::new(poll, inbox)?;
        let thread = std::thread::Builder::new().name("generator".to_owned()).spawn(move || {
            if let Err(error) = engine.run() {
                eprintln!("the generator stops: {error}");
            }
        })?;
        Ok(Self { commands, waker, thread: Some(thread), address })
    }

    /// A socket for a participant.
    pub(crate) fn socket(&self) -> Outcome<UdpSocket> {
        let address = SocketAddr::new(self.address, 0);
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_recv_buffer_size(KERNEL_BUFFER)?;
        socket.bind(&address.into())?;
        Ok(UdpSocket::from_std(socket.into()))
    }

    /// Runs a participant; the receiver is told when it is connected.
    pub(crate) fn add(&self, participant: Participant) -> Outcome<oneshot::Receiver<()>> {
        let (tell, connected) = oneshot::channel();
        self.command(Command::Add(participant, tell))?;
        Ok(connected)
    }

    pub(crate) fn begin(&self) -> Outcome {
        self.command(Command::Start)
    }

    /// What was counted since the last time.
    pub(crate) async fn take(&self) -> Outcome<Tally> {
        let (tell, told) = oneshot::channel();
        self.command(Command::Take(tell))?;
        Ok(told.await?)
    }

    pub(crate) async fn overhear(&self) -> Outcome<Overheard> {
        let (tell, told) = oneshot::channel();
        self.command(Command::Overhear(tell))?;
        Ok(told.await?)
    }

    fn command(&self, command: Command) -> Outcome {
        self.commands.send(command).map_err(|_| "the generator has stopped")?;
        Ok(self.waker.wake()?)
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // It may have stopped already.
        let _ = self.command(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Running {
    socket: UdpSocket,
    wire: Box<dyn Wire>,
    sources: Vec<(Line, Source)>,
    tell: Option<oneshot::Sender<()>>,
}

struct Engine {
    poll: Poll,
    timer: TimerFd,
    inbox: mpsc::Receiver<Command>,
    start: Instant,
    participants: Vec<Running>,
    /// When which source is due; empty before the start.
    due: BinaryHeap<Reverse<(Duration, usize, usize)>>,
    tally: Tally,
    since: Instant,
    busy: Duration,
    next_sweep: Instant,
    buffer: Vec<u8>,
    overhears: Option<oneshot::Sender<Overheard>>,
}

impl Engine {
    fn new(poll: Poll, inbox: mpsc::Receiver<Command>) -> Outcome<Self> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        poll.registry().register(&mut SourceFd(&timer.as_fd().as_raw_fd()), TIMER, Interest::READABLE)?;
        let now = Instant::now();
        Ok(Self {
            poll,
            timer,
            inbox,
            start: now,
            participants: Vec::new(),
            due: BinaryHeap::new(),
            tally: Tally::default(),
            since: now,
            busy: Duration::ZERO,
            next_sweep: now,
            buffer: vec![0; DATAGRAM],
            overhears: None,
        })
    }

    fn run(&mut self) -> Outcome {
        let mut events = Events::with_capacity(256);
        loop {
            self.set_timer()?;
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
            for event in &events {
                match event.token() {
                    WAKER => {
                        if self.take_commands()? {
                            return Ok(());
                        }
                    }
                    TIMER => {
                        // Expired or not: what is due is looked up.
                        let _ = self.timer.wait();
                    }
                    Token(index) => self.receive(index)?,
                }
                self.send_due()?;
            }
            self.send_due()?;
            self.sweep()?;
        }
    }

    /// The time of what comes next; milliseconds, which polling knows, would be too coarse for media.
    fn set_timer(&mut self) -> Outcome {
        let media = self.due.peek().map(|Reverse((due, _, _))| self.start + *due);
        let next = media.map_or(self.next_sweep, |media| media.min(self.next_sweep));
        let wait = next.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let once = Expiration::OneShot(TimeSpec::from_duration(wait));
        Ok(self.timer.set(once, TimerSetTimeFlags::empty())?)
    }

    /// True if it should stop.
    fn take_commands(&mut self) -> Outcome<bool> {
        loop {
            match self.inbox.try_recv() {
                Ok(Command::Add(participant, tell)) => self.add(participant, tell)?,
                Ok(Command::Start) => self.begin(),
                Ok(Command::Take(tell)) => {
                    // Whoever asked may have given up.
                    let _ = tell.send(self.take()?);
                }
                Ok(Command::Overhear(tell)) => self.overhears = Some(tell),
                Ok(Command::Stop) | Err(mpsc::TryRecvError::Disconnected) => return Ok(true),
                Err(mpsc::TryRecvError::Empty) => return Ok(false),
            }
        }
    }

    fn add(&mut self, participant: Participant, tell: oneshot::Sender<()>) -> Outcome {
        let Participant { mut socket, wire, lines } = participant;
        let index = self.participants.len();
        self.poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
        let phase = PHASE_STEP * u32::try_from(index).unwrap_or_default();
        let phase = Duration::from_nanos_u128(phase.as_nanos() % PHASES.as_nanos());
        let sources = lines.into_iter().map(|line| (line, Source::new(line.kind, phase))).collect();
        self.participants.push(Running { socket, wire, sources, tell: Some(tell) });
        self.advance(index, Instant::now())
    }

    fn begin(&mut self) {
        let now = Instant::now();
        self.start = now;
        for (index, participant) in self.participants.iter().enumerate() {
            let all = participant.sources.iter().enumerate();
            self.due.extend(all.map(|(source, (_, what))| Reverse((what.due(), index, source))));
        }
    }

    fn take(&mut self) -> Outcome<Tally> {
        let (now, busy) = (Instant::now(), proc::cpu_of_this_thread()?);
        let mut tally = std::mem::take(&mut self.tally);
        tally.took = now - self.since;
        tally.busy = busy.saturating_sub(self.busy);
        (self.since, self.busy) = (now, busy);
        Ok(tally)
    }

    fn send_due(&mut self) -> Outcome {
        while let Some(&Reverse((due, index, source))) = self.due.peek() {
            let now = Instant::now();
            let passed = now - self.start;
            if due > passed {
                return Ok(());
            }
            self.due.pop();
            let Some(participant) = self.participants.get_mut(index) else { continue };
            let Some((line, what)) = participant.sources.get_mut(source) else { continue };
            let packet = what.packet(due);
            participant.wire.send(now, *line, &packet)?;
            self.due.push(Reverse((what.due(), index, source)));
            self.tally.sent(passed.saturating_sub(due));
            self.advance(index, now)?;
        }
        Ok(())
    }

    fn receive(&mut self, index: usize) -> Outcome {
        loop {
            let Some(participant) = self.participants.get_mut(index) else { return Ok(()) };
            match participant.socket.recv_from(&mut self.buffer) {
                Ok((length, from)) => {
                    let mut counting = Counting { receiver: index, start: self.start, tally: &mut self.tally };
                    let datagram = self.buffer.get(..length).unwrap_or_default();
                    participant.wire.receive(Instant::now(), from, datagram, &mut counting)?;
                    self.perform(index)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // An answer of ours could not be delivered.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn advance(&mut self, index: usize, now: Instant) -> Outcome {
        if let Some(participant) = self.participants.get_mut(index) {
            let mut counting = Counting { receiver: index, start: self.start, tally: &mut self.tally };
            participant.wire.advance(now, &mut counting)?;
        }
        Ok(self.perform(index)?)
    }

    fn sweep(&mut self) -> Outcome {
        let now = Instant::now();
        if now < self.next_sweep {
            return Ok(());
        }
        self.next_sweep = now + SWEEP;
        for index in 0..self.participants.len() {
            let wake = self.participants.get(index).and_then(|participant| participant.wire.wake());
            if wake.is_some_and(|wake| wake <= now) {
                self.advance(index, now)?;
            }
        }
        Ok(())
    }

    fn perform(&mut self, index: usize) -> io::Result<()> {
        let Some(participant) = self.participants.get_mut(index) else { return Ok(()) };
        for said in participant.wire.said() {
            match said {
                Said::Connected => {
                    if let Some(tell) = participant.tell.take() {
                        // Whoever waited may have given up.
                        let _ = tell.send(());
                    }
                }
                Said::KeyframeWanted(mid, rid) => {
                    let of_line = |line: &Line| line.mid == mid && (rid.is_none() || line.rid == rid);
                    let sources = participant.sources.iter_mut().filter(|(line, _)| of_line(line));
                    sources.for_each(|(_, source)| source.want_keyframe());
                }
                Said::Send(to, datagram) => {
                    overhear(&mut self.overhears, index, &participant.socket, to, &datagram)?;
                    match participant.socket.send_to(&datagram, to) {
                        Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionRefused) => {
                            return Err(error);
                        }
                        Ok(_) | Err(_) => {}
                    }
                }
            }
        }
        Ok(())
    }
}

/// Only media of the first participant.
fn overhear(
    overhears: &mut Option<oneshot::Sender<Overheard>>,
    index: usize,
    socket: &UdpSocket,
    to: SocketAddr,
    datagram: &[u8],
) -> io::Result<()> {
    let is_media = matches!(datagram, [0x80..=0xbf, kind, ..] if !(192..=223).contains(kind));
    if let Some(tell) = overhears.take_if(|_| index == 0 && is_media) {
        let socket = socket.as_fd().try_clone_to_owned()?.into();
        // Whoever asked may have given up.
        let _ = tell.send(Overheard { socket, to, packet: datagram.to_vec() });
    }
    Ok(())
}
