//! What a worker does when there is too much to do.

use farhand_sfu::{Limits, Member, View};

use tokio::sync::watch;

use super::{inbox::UNPROVED, *};
use crate::media::port::bind;

const ROOM: RoomId = RoomId(1);
const ANN: PeerId = PeerId(1);

fn worker() -> (Worker, Handle) {
    let poll = Poll::new().unwrap();
    let (handle, inbox) = Handle::new(&poll).unwrap();
    let setup = Setup {
        number: 0,
        socket: bind("127.0.0.1:0".parse().unwrap()).unwrap(),
        candidates: Candidates { udp: Vec::new(), tcp: Vec::new() },
        identity: Identity::generate(),
        traffic: Arc::default(),
        relay: crate::turn::door().0,
    };
    (Worker::new(setup, poll, inbox, vec![handle.clone()]).unwrap(), handle)
}

fn slots(missing: usize) -> Notice {
    Notice::Slots { peer: ANN, shown: Vec::new(), missing, rates: Vec::new() }
}

#[test]
fn a_call_that_was_busy_is_told_the_newest_of_its_slots_later() {
    let (mut worker, _) = worker();
    let (notices, mut told) = mpsc::channel(1);
    worker.rooms.insert(ROOM, notices);
    for notice in [Notice::Speaker { peer: None }, slots(1), slots(2)] {
        worker.tell(ROOM, notice);
    }
    assert_eq!(told.try_recv(), Ok(Notice::Speaker { peer: None }));
    worker.sweep(Instant::now());
    assert_eq!(told.try_recv(), Ok(slots(2)));
    worker.sweep(Instant::now());
    assert!(told.try_recv().is_err(), "told once");
}

#[test]
fn what_was_told_in_time_is_not_overtaken_by_what_is_older() {
    let (mut worker, _) = worker();
    let (notices, mut told) = mpsc::channel(1);
    worker.rooms.insert(ROOM, notices);
    for notice in [Notice::Speaker { peer: None }, slots(1)] {
        worker.tell(ROOM, notice);
    }
    told.try_recv().unwrap();
    worker.tell(ROOM, slots(2));
    told.try_recv().unwrap();
    worker.sweep(Instant::now());
    assert!(told.try_recv().is_err());
}

#[test]
fn a_room_nobody_listens_to_any_more_is_closed_though_nobody_said_so() {
    let (mut worker, _) = worker();
    let (notices, told) = mpsc::channel(1);
    let members = vec![Member { peer: ANN, name: 1, live: true, sharing: false, limits: Limits::default() }];
    worker.command(Command::Members { room: ROOM, members, notices });
    worker.sweep(Instant::now());
    assert_eq!(worker.rooms.len(), 1);
    drop(told);
    worker.sweep(Instant::now());
    assert!(worker.rooms.is_empty());
}

#[test]
fn commands_take_turns_with_everything_else() {
    let (mut worker, handle) = worker();
    for _ in 0..100 {
        let view = View { peer: ANN, source: farhand_sfu::Source::Camera, height: 1 };
        assert!(handle.send(Command::Views { room: ROOM, peer: ANN, views: vec![view] }));
    }
    worker.take_commands();
    assert_eq!(worker.inbox.commands.try_iter().count(), 100 - MAX_COMMANDS);
}

#[test]
fn strangers_cannot_crowd_out_participants() {
    let (_worker, handle) = worker();
    let datagram = || Datagram {
        protocol: Protocol::Udp,
        source: "192.0.2.1:5".parse().unwrap(),
        contents: vec![0; 20],
        permit: None,
    };
    let taken = (0..10_000).filter(|_| handle.hand_unproved(datagram())).count();
    assert_eq!(taken, UNPROVED);
    assert!(handle.hand(datagram()));
}

#[test]
fn a_tcp_connection_is_proved_by_the_sfu_and_ends_when_it_is_forgotten() {
    let (mut worker, _) = worker();
    let source = "192.0.2.1:5".parse().unwrap();
    let ((outgoing, _datagrams), (proved, mut is_proved)) = (mpsc::channel(1), watch::channel(false));
    let end = LinkEnd { outgoing, proved };
    worker.command(Command::LinkOpened { protocol: Protocol::Tcp, source, end });
    worker.learned(Protocol::Tcp, source);
    assert!(*is_proved.borrow_and_update());
    assert_eq!(worker.traffic.owner(source), None, "UDP from there may be somebody else's");
    worker.forgotten(Protocol::Tcp, source);
    assert!(is_proved.has_changed().is_err(), "the other end of it is gone");
}
