//! What the log says of how the media of a call were.

use std::time::Duration;

use farhand_client::socket::Socket;
use farhand_protocol::{
    frame::{ClientFrame, MediaMode, ServerFrame},
    statistics::{CallStatistics, MediaPath, MediaReport, SeatFigures, Spread},
};
use farhand_testkit::{Account, Device, Server, json};
use uuid::Uuid;

use crate::sfu_calls::{Person, all_see_all, call_of};

async fn report(device: &mut Device, call_id: Uuid, rtt: f64) {
    let report = MediaReport { rtt_ms: Some(rtt), path: Some(MediaPath::Relayed), ..MediaReport::default() };
    device.socket().send(&ClientFrame::MediaReport { call_id, report: Box::new(report) }).await.unwrap();
    device.socket().round_trip().await.unwrap();
}

async fn statistics(account: &Account, call_id: Uuid) -> Vec<CallStatistics> {
    account.call_log(call_id).await.call_statistics
}

fn whys(rows: &[CallStatistics]) -> Vec<(Option<&str>, &str)> {
    rows.iter().map(|row| (row.contact.user_id.as_deref(), row.why.as_str())).collect()
}

#[tokio::test]
async fn what_clients_report_stands_in_the_log_once_their_seats_have_ended() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut here, mut there) = (caller.device().await, callee.device().await);
    let call = json!({"callType": "MESH", "invitedContacts": [callee.invited()]});
    let call_id = here.create_call(call).await.call_id;
    there.join(call_id).await;

    server.clock().move_ahead(Duration::from_secs(10));
    report(&mut here, call_id, 80.0).await;
    assert_eq!(statistics(&caller, call_id).await, [], "as long as everybody is there");
    let mut elsewhere = callee.device().await;
    elsewhere.join(call_id).await;
    // From a device that has lost its seat, and long after the call: nobody's, and no mistake.
    report(&mut there, call_id, 9_999.0).await;
    here.leave(call_id).await;
    report(&mut here, call_id, 9_999.0).await;
    for device in [&mut here, &mut there] {
        assert!(!device.has(|frame| matches!(frame, ServerFrame::Error { .. })).await);
    }

    let rows = statistics(&caller, call_id).await;
    let (first, second) = (Some("callertest1"), Some("callertest2"));
    assert_eq!(whys(&rows), [(second, "moved"), (first, "hungUp"), (second, "callEnded")]);
    assert_eq!(rows[1].figures.rtt_ms, Some(Spread { mean: 80.0, max: 80.0 }));
    let [path] = rows[1].figures.paths[..] else { panic!("{rows:?}") };
    assert_eq!((path.path, path.mode), (MediaPath::Relayed, MediaMode::P2p));
    assert!((10..20).contains(&rows[1].duration_seconds), "{rows:?}");
    assert_eq!([&rows[0].figures, &rows[2].figures], [&SeatFigures::default(); 2]);
    assert_eq!(rows[2].joined.0, rows[0].left.0);
}

#[tokio::test]
async fn a_restart_loses_what_was_measured_and_not_when_somebody_joined() {
    let mut server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let hello = caller.hello();
    let mut here = Device::new(Socket::connect(server.url(), hello.clone()).await.unwrap());
    let call_id = here.create_call(json!({"invitedContacts": [callee.invited()]})).await.call_id;
    callee.device().await.join(call_id).await;
    report(&mut here, call_id, 80.0).await;
    let joined = caller.call_log(call_id).await.call_events[1].date_time;
    server.restart().await;
    let mut here = Device::new(Socket::connect(server.url(), hello).await.unwrap());
    here.socket().rejoin(call_id, 0).await.unwrap();
    here.leave(call_id).await;
    let rows = statistics(&caller, call_id).await;
    assert_eq!((rows[0].joined, rows[0].reconnects, &rows[0].figures), (joined, 1, &SeatFigures::default()));
}

#[tokio::test]
async fn the_headless_client_reports_what_it_measures() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut people = vec![Person::join(&server, "callertest1", call_id).await];
    people.push(Person::join_over_tcp(&server, "callertest2", call_id).await);
    // The call goes on when one leaves.
    people.push(Person::join(&server, "expert1", call_id).await);
    all_see_all(&mut people).await;
    for person in people.drain(..2) {
        person.leave().await;
    }
    let rows = statistics(&server.login("callertest1").await, call_id).await;
    for (row, expected) in rows.iter().zip([MediaPath::Direct, MediaPath::Tcp]) {
        let figures = &row.figures;
        assert_eq!(figures.paths.first().map(|used| (used.path, used.mode)), Some((expected, MediaMode::Sfu)));
        assert!(figures.kbit_per_second_in.is_some_and(|kbit| kbit.max > 10.0), "{figures:?}");
        assert!(figures.kbit_per_second_out.is_some_and(|kbit| kbit.max > 10.0), "{figures:?}");
        assert!(figures.rtt_ms.is_some_and(|rtt| rtt.max < 1_000.0), "{figures:?}");
        assert!(figures.jitter_ms.is_some(), "{figures:?}");
    }
    assert_eq!(rows.len(), 2);
}
