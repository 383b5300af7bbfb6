//! Two media sessions in one process, without any server: `cargo run -p farhand-client --example loopback`.

use std::{error::Error, sync::Arc};

use farhand_client::{
    clip::{Checker, Clip},
    media::{IncomingSignal, MediaEvent, MediaOptions, MediaSession},
};
use farhand_protocol::frame::{MediaMode, MediaPlan};

fn session(clip: &Arc<Clip>, checker: &Arc<Checker>, plan: &MediaPlan) -> MediaSession {
    let sink = Arc::clone(checker);
    let mut session = MediaSession::new(MediaOptions { clip: Some(Arc::clone(clip)), sink, ..MediaOptions::default() });
    session.apply(Some(plan));
    session
}

fn pass_on(event: MediaEvent, name: &str, from: i64, to: &mut MediaSession) {
    if let MediaEvent::Signal { epoch, signal, .. } = event {
        to.receive(IncomingSignal { epoch, from, signal });
    } else {
        println!("{name}: {event:?}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let clip = Arc::new(Clip::embedded()?);
    let checkers = [Arc::new(Checker::new(&clip)), Arc::new(Checker::new(&clip))];
    let plan = MediaPlan {
        mode: MediaMode::P2p,
        epoch: 1,
        peer: Some(2),
        offerer: true,
        ice_servers: Vec::new(),
        prepared: false,
    };
    let mut left = session(&clip, &checkers[0], &plan);
    let mut right = session(&clip, &checkers[1], &MediaPlan { peer: Some(1), offerer: false, ..plan });

    let [mut one, mut other] = checkers.map(|checker| checker.tally());
    loop {
        tokio::select! {
            event = left.next_event() => pass_on(event, "left", 1, &mut right),
            event = right.next_event() => pass_on(event, "right", 2, &mut left),
            done = async { tokio::try_join!(one.wait_for(|t| t.reached(50, 50)), other.wait_for(|t| t.reached(50, 50))) } => {
                let (left, right) = done?;
                println!("left received {:?}\nright received {:?}", *left, *right);
                return Ok(());
            }
        }
    }
}
