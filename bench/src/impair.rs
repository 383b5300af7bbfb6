//! A bad network by hand: a relay in front of a server, for trying a browser or another client behind it. A line on the standard input
//! changes it: `cut`, `open`, `move` for a change of network, `up` or `down` and how that direction is from now on.

use std::{
    io::stdin,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use clap::Args;
use farhand_testkit::network::{Profile, Relay, Weather};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::Outcome;

#[derive(Args)]
pub(crate) struct Plan {
    /// The UDP address to pass on to. The server must tell clients the relay's instead, as `media.public` makes it.
    server: SocketAddr,
    /// The relay's own address.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    ip: IpAddr,
    /// The relay's port, or any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Both directions, such as "loss=10% burst=3 rtt=40ms jitter=5ms rate=1M queue=200ms; 10s rate=250k; 20s rate=1M".
    #[arg(long, default_value = "")]
    link: String,
    /// From clients to the server, if that is different.
    #[arg(long)]
    up: Option<String>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) async fn run(plan: &Plan) -> Outcome {
    let down: Profile = plan.link.parse()?;
    let up = plan.up.as_deref().map_or_else(|| Ok(down.clone()), str::parse)?;
    let (mut now_up, mut now_down) = (up.clone(), down.clone());
    let weather = Weather { up, down, seed: plan.seed };
    let relay = Relay::start(SocketAddr::new(plan.ip, plan.port), plan.server, weather).await?;
    println!("{} leads to {} until this is stopped", relay.address(), plan.server);
    let mut lines = typed();
    while let Some(line) = lines.recv().await {
        let (word, link) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        match word {
            "cut" => relay.cut(true),
            "open" => relay.cut(false),
            "move" => relay.change_network(),
            "up" => now_up = link.parse()?,
            "down" => now_down = link.parse()?,
            other => eprintln!("\"{other}\" is none of: cut, open, move, up, down"),
        }
        if let "up" | "down" = word {
            relay.change_weather(now_up.clone(), now_down.clone());
        }
    }
    std::future::pending().await
}

/// A thread of its own: nothing ends reading a terminal but its end.
fn typed() -> UnboundedReceiver<String> {
    let (say, said) = unbounded_channel();
    std::thread::spawn(move || stdin().lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
    said
}
