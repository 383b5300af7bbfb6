use farhand_domain::{
    call::{Invited, Invitee, Technology, Terms},
    policy::Policy,
};
use farhand_store::model::{Contact, EventRow, HistoryRow};
use uuid::Uuid;

use super::*;

const ADA: ContactId = ContactId(1);
const BEN: ContactId = ContactId(2);
const HERE: DeviceId = DeviceId(1);
const THERE: DeviceId = DeviceId(2);
const OTHER: DeviceId = DeviceId(3);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + seconds * 1_000)
}

/// Two in a call since 0, and the log's rows about them.
struct Talk {
    policy: Policy,
    call: Call,
    record: CallRecord,
    statistics: Statistics,
}

impl Talk {
    fn start(technology: Technology) -> Self {
        let policy = Policy::default();
        let terms = Terms {
            technology,
            creator: ADA,
            maker: ADA,
            brokered: false,
            popup: true,
            planned_at: None,
            created_at: at(0),
            request: None,
        };
        let invitee = Invitee { contact: BEN, ring_for: Duration::from_secs(45) };
        let (mut call, _) = Call::create(&policy, at(0), terms, &Invited::people([invitee]), Some(HERE));
        call.handle(&policy, at(0), join(BEN, THERE)).unwrap();
        let mut record = record();
        record.events = [ADA, BEN].map(|who| event("Join", who, 0)).to_vec();
        let mut statistics = Statistics::default();
        statistics.follow(at(0), &call);
        Self { policy, call, record, statistics }
    }

    fn report(&mut self, seconds: i64, contact: ContactId, report: &MediaReport) {
        let device = self.call.seat(contact).unwrap().device;
        self.statistics.report(at(seconds), &self.call, contact, device, report, None);
    }

    /// One step as a call's task makes it, and the rows that come of it.
    fn step(&mut self, seconds: i64, event: Event) -> Vec<StatisticsRow> {
        let cause = Cause::of(&event);
        let mut next = self.call.clone();
        next.handle(&self.policy, at(seconds), event).unwrap();
        let rows = self.statistics.ended(at(seconds), &self.record, &self.call, &next, cause);
        let before = std::mem::replace(&mut self.call, next);
        self.statistics.renewed(&before, &self.call, cause);
        self.statistics.follow(at(seconds), &self.call);
        rows
    }

    /// What would stand in the log if this one left now.
    fn figures(&self, contact: ContactId) -> SeatFigures {
        let device = self.call.seat(contact).unwrap().device;
        self.statistics.seat(contact, device).unwrap().figures()
    }
}

fn join(contact: ContactId, device: DeviceId) -> Event {
    Event::Join { contact, device, rejoin: None }
}

fn event(kind: &str, who: ContactId, seconds: i64) -> EventRow {
    EventRow { id: 0, seq: 0, kind: kind.to_owned(), contact_id: who.0, at: at(seconds) }
}

fn history(kind: &str, who: ContactId, seconds: i64) -> HistoryRow {
    let (kind, contact_id) = (kind.to_owned(), Some(who.0));
    HistoryRow { seq: 0, kind, contact_id, channel: None, state: None, reason: None, at: at(seconds) }
}

fn record() -> CallRecord {
    let contact = Contact {
        id: ADA.0,
        domain_id: 1,
        domain: "acme".to_owned(),
        user_id: None,
        login: None,
        display_name: "Ada".to_owned(),
    };
    CallRecord {
        id: 1,
        call_id: Uuid::nil(),
        domain_id: 1,
        title: String::new(),
        reason: "STANDARD".to_owned(),
        call_type: "SFU".to_owned(),
        status: "Started".to_owned(),
        join_anonymous: false,
        inform_directly: true,
        creator_user: None,
        budget: farhand_store::model::Budget::default(),
        creator: contact.clone(),
        maker: contact,
        invited: Vec::new(),
        teams: Vec::new(),
        planned_at: None,
        planned_zone: None,
        calendar_sequence: 0,
        stored_addresses: false,
        created_at: at(0),
        started_at: Some(at(0)),
        ended_at: None,
        events: Vec::new(),
        history: Vec::new(),
        statistics: Vec::new(),
        deliveries: Vec::new(),
        guest_links: Vec::new(),
        link: None,
        origin: None,
    }
}

fn rtt(milliseconds: f64) -> MediaReport {
    MediaReport { rtt_ms: Some(milliseconds), ..MediaReport::default() }
}

fn on(path: MediaPath) -> MediaReport {
    MediaReport { path: Some(path), ..MediaReport::default() }
}

fn whys(rows: &[StatisticsRow]) -> Vec<(ContactId, &str)> {
    rows.iter().map(|row| (ContactId(row.contact_id), row.why.as_str())).collect()
}

#[test]
fn a_mean_weighs_each_report_by_the_time_it_tells_of() {
    let mut talk = Talk::start(Technology::Sfu);
    talk.report(2, ADA, &rtt(100.0));
    talk.report(10, ADA, &rtt(50.0));
    talk.report(15, ADA, &on(MediaPath::Direct));
    let figures = talk.figures(ADA);
    assert_eq!(figures.rtt_ms, Some(Spread { mean: 60.0, max: 100.0 }), "2 s of 100 and 8 s of 50");
    assert_eq!((figures.measured_seconds, figures.jitter_ms), (15, None));
    assert_eq!(talk.figures(BEN), SeatFigures::default(), "nothing of the other's");
}

#[test]
fn a_silence_longer_than_reports_are_apart_is_not_measured_time() {
    let mut talk = Talk::start(Technology::Sfu);
    talk.report(600, ADA, &rtt(100.0));
    assert_eq!(talk.figures(ADA).measured_seconds, 15);
}

#[test]
fn paths_stand_in_order_with_their_time_and_mode_and_there_is_an_end_of_them() {
    let mut talk = Talk::start(Technology::Mesh);
    talk.report(5, ADA, &on(MediaPath::Direct));
    talk.report(10, ADA, &on(MediaPath::Direct));
    talk.report(15, ADA, &on(MediaPath::Relayed));
    let epoch = talk.call.media_plan(ADA).unwrap().epoch;
    talk.step(15, Event::PathFailed { contact: ADA, epoch });
    talk.report(18, ADA, &on(MediaPath::Tcp));
    let used = |path, mode, seconds| PathUse { path, mode, seconds };
    let expected = [
        used(MediaPath::Direct, MediaMode::P2p, 10),
        used(MediaPath::Relayed, MediaMode::P2p, 5),
        used(MediaPath::Tcp, MediaMode::Sfu, 3),
    ];
    assert_eq!(talk.figures(ADA).paths, expected);
    for step in 0..50 {
        talk.report(20 + 2 * step, ADA, &on(if step % 2 == 0 { MediaPath::Direct } else { MediaPath::Tcp }));
    }
    assert_eq!(talk.figures(ADA).paths.len(), MOST_PATHS);
}

#[test]
fn reports_that_come_too_often_are_dropped_but_for_the_one_at_the_end() {
    let mut talk = Talk::start(Technology::Sfu);
    for value in [10.0, 20.0, 1_000.0, 1_000.0] {
        talk.report(5, ADA, &rtt(value));
    }
    assert_eq!(talk.figures(ADA).rtt_ms.map(|rtt| rtt.max), Some(20.0));
    talk.report(7, ADA, &rtt(30.0));
    assert_eq!(talk.figures(ADA).rtt_ms.map(|rtt| rtt.max), Some(30.0));
}

#[test]
fn what_cannot_be_is_cut_to_what_can() {
    let mut talk = Talk::start(Technology::Sfu);
    let report = MediaReport {
        rtt_ms: Some(-5.0),
        loss_in_percent: Some(400.0),
        kbit_per_second_out: Some(1e300),
        height_in: Some(f64::INFINITY),
        freezes: u32::MAX,
        freeze_ms: 1e300,
        ..MediaReport::default()
    };
    talk.report(5, ADA, &report);
    talk.report(10, ADA, &report);
    let figures = talk.figures(ADA);
    let both = |value| Some(Spread { mean: value, max: value });
    assert_eq!((figures.rtt_ms, figures.loss_in_percent), (both(0.0), both(100.0)));
    assert_eq!((figures.kbit_per_second_out, figures.height_in), (both(1_000_000.0), both(8_640.0)));
    assert_eq!((figures.freezes, figures.freeze_ms), (2 * MOST_FREEZES, 30_000));
}

#[test]
fn what_kept_the_picture_from_being_better_is_counted_in_seconds() {
    let mut talk = Talk::start(Technology::Sfu);
    let limits = [Some(MediaLimit::Cpu), Some(MediaLimit::Bandwidth), None, Some(MediaLimit::Cpu)];
    for (number, limited_by) in (1..).zip(limits) {
        talk.report(5 * number, ADA, &MediaReport { limited_by, ..MediaReport::default() });
    }
    let figures = talk.figures(ADA);
    assert_eq!((figures.limited_by_cpu_seconds, figures.limited_by_bandwidth_seconds), (10, 5));
}

#[test]
fn who_hangs_up_ends_the_seats_of_both_and_the_log_tells_them_apart() {
    let mut talk = Talk::start(Technology::Mesh);
    talk.report(5, BEN, &rtt(40.0));
    let rows = talk.step(60, Event::Leave { contact: BEN });
    assert_eq!(whys(&rows), [(ADA, "callEnded"), (BEN, "hungUp")]);
    assert_eq!(
        rows.iter().map(|row| (row.seq, row.joined_at, row.left_at)).collect::<Vec<_>>(),
        [(1, at(0), at(60)), (2, at(0), at(60))]
    );
    let figures: SeatFigures = serde_json::from_str(&rows[1].figures).unwrap();
    assert_eq!(figures.rtt_ms, Some(Spread { mean: 40.0, max: 40.0 }));
    assert_eq!(figures.measured_seconds, 5);
}

#[test]
fn a_seat_that_moves_ends_and_the_next_one_begins_with_nothing() {
    let mut talk = Talk::start(Technology::Sfu);
    talk.report(5, BEN, &rtt(40.0));
    let rows = talk.step(20, join(BEN, OTHER));
    assert_eq!(whys(&rows), [(BEN, "moved")]);
    assert_eq!(talk.figures(BEN), SeatFigures::default());
    // What the old device still says belongs to nobody.
    talk.statistics.report(at(21), &talk.call, BEN, THERE, &rtt(99.0), None);
    assert_eq!(talk.figures(BEN), SeatFigures::default());
    talk.record.statistics.extend(rows);
    talk.record.history.push(history("SeatMoved", BEN, 20));
    let rows = talk.step(50, Event::Leave { contact: BEN });
    let last = rows.iter().find(|row| row.contact_id == BEN.0).unwrap();
    assert_eq!((last.joined_at, last.why.as_str()), (at(20), "hungUp"));
    assert_eq!(rows[0].seq, 2);
}

#[test]
fn a_seat_that_is_given_up_was_lost() {
    let mut talk = Talk::start(Technology::Sfu);
    talk.step(5, Event::ConnectionLost { contact: BEN, device: THERE });
    assert_eq!(talk.step(6, Event::Tick), []);
    let rows = talk.step(600, Event::Tick);
    assert_eq!(whys(&rows)[0], (BEN, "connectionLost"));
}

#[test]
fn reconnects_are_those_the_log_tells_of_and_pages_that_were_loaded_again() {
    let mut talk = Talk::start(Technology::Sfu);
    talk.record.history.push(history("Reconnected", BEN, 3));
    talk.record.history.push(history("Reconnected", ADA, 3));
    talk.record.history.push(history("Reconnected", BEN, -1));
    talk.step(5, Event::Join { contact: BEN, device: THERE, rejoin: Some(0) });
    let epoch = talk.call.media_plan(BEN).unwrap().epoch;
    // The media of this one go on.
    talk.step(6, Event::Join { contact: BEN, device: THERE, rejoin: Some(epoch) });
    // This one will stand in the log.
    talk.step(7, Event::ConnectionLost { contact: BEN, device: THERE });
    talk.step(8, Event::Join { contact: BEN, device: THERE, rejoin: Some(0) });
    let rows = talk.step(9, Event::Leave { contact: BEN });
    assert_eq!(rows.iter().map(|row| row.reconnects).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_call_has_a_bounded_number_of_rows() {
    let mut talk = Talk::start(Technology::Sfu);
    let row = talk.clone_of_a_row();
    talk.record.statistics = vec![row; MOST_ROWS - 1];
    assert_eq!(talk.step(9, Event::End { by: ADA }).len(), 1);
}

impl Talk {
    fn clone_of_a_row(&self) -> StatisticsRow {
        self.statistics.row(at(1), &self.record, 1, ADA, HERE, "hungUp")
    }
}
