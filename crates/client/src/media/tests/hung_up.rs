//! A server that hangs up on somebody who came over TCP.

use std::net::SocketAddr;

use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::SdpOffer,
    net::{Protocol, Receive, TcpType},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, tcp::OwnedReadHalf},
    time::sleep_until,
};

use super::*;

/// What a client over TCP says at last when the server hangs up, without a goodbye, at this point.
async fn told_when_hung_up_on(once_connected: bool) -> MediaEvent {
    let mut session = MediaSession::new(MediaOptions { reach: Reach::Tcp, ..MediaOptions::default() });
    session.apply(Some(&MediaPlan { mode: MediaMode::Sfu, peer: None, ..plan(4, RIGHT, true) }));
    let event = timeout(LIMIT, session.next_event()).await.unwrap();
    let MediaEvent::Offer { sdp, .. } = event else { panic!("{event:?}") };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (rtc, answer) = answering(&sdp, listener.local_addr().unwrap());
    session.answered(4, answer);
    let serving = tokio::spawn(serve(rtc, listener, once_connected));
    let ended = async {
        loop {
            let event = session.next_event().await;
            if matches!(event, MediaEvent::RemoteClosed { .. } | MediaEvent::Failed { .. }) {
                return event;
            }
        }
    };
    let event = timeout(LIMIT, ended).await.unwrap();
    timeout(LIMIT, serving).await.unwrap().unwrap();
    event
}

fn answering(offer: &str, at: SocketAddr) -> (Rtc, String) {
    let mut rtc = Rtc::builder().set_ice_lite(true).build(Instant::now());
    let candidate = Candidate::builder().tcp().host(at).tcptype(TcpType::Passive).build().unwrap();
    rtc.add_local_candidate(candidate);
    let answer = rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer).unwrap()).unwrap();
    (rtc, answer.to_sdp_string())
}

async fn serve(mut rtc: Rtc, listener: TcpListener, once_connected: bool) {
    let (stream, source) = listener.accept().await.unwrap();
    let destination = listener.local_addr().unwrap();
    let (reader, mut writer) = stream.into_split();
    let (sender, mut datagrams) = mpsc::channel(16);
    let reading = tokio::spawn(read(reader, sender));
    let mut over = !once_connected;
    while !over {
        let wake = loop {
            match rtc.poll_output().unwrap() {
                Output::Timeout(at) => break at,
                Output::Transmit(transmit) => {
                    let length = u16::try_from(transmit.contents.len()).unwrap().to_be_bytes();
                    writer.write_all(&[&length[..], &transmit.contents].concat()).await.unwrap();
                }
                Output::Event(event) => over |= matches!(event, Event::Connected),
            }
        };
        if over {
            break;
        }
        let input = tokio::select! {
            datagram = datagrams.recv() => datagram,
            () = sleep_until(wake.into()) => None,
        };
        let now = Instant::now();
        let input = match &input {
            Some(datagram) => Input::Receive(now, Receive::new(Protocol::Tcp, source, destination, datagram).unwrap()),
            None => Input::Timeout(now),
        };
        rtc.handle_input(input).unwrap();
    }
    // What came is read to the end, or the client would be told of a reset.
    datagrams.close();
    writer.shutdown().await.unwrap();
    reading.await.unwrap();
}

/// Until the client hangs up as well.
async fn read(mut reader: OwnedReadHalf, datagrams: mpsc::Sender<Vec<u8>>) {
    while let Ok(length) = reader.read_u16().await {
        let mut datagram = vec![0; usize::from(length)];
        if reader.read_exact(&mut datagram).await.is_err() {
            return;
        }
        // Nobody wants it any more after the end.
        let _ = datagrams.send(datagram).await;
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_on_a_connection_that_stood_has_closed_it() {
    let event = told_when_hung_up_on(true).await;
    assert!(matches!(event, MediaEvent::RemoteClosed { epoch: 4 }), "{event:?}");
}

#[tokio::test]
async fn a_server_that_hangs_up_before_has_refused_it() {
    let event = told_when_hung_up_on(false).await;
    let eof = |error: &std::io::Error| error.kind() == std::io::ErrorKind::UnexpectedEof;
    assert!(matches!(&event, MediaEvent::Failed { error: MediaError::Socket(error), .. } if eof(error)), "{event:?}");
}
