//! `farhand serve`

use std::sync::Arc;

use clap::Args;
use farhand_server::{Sockets, world::SystemClock};

use crate::{
    chosen::{self, Failure},
    cli::{Listen, Place},
    open_files,
};

#[derive(Args)]
pub struct ServeArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    listen: Listen,
}

pub async fn run(args: ServeArgs) -> Result<(), Failure> {
    chosen::start_log("info");
    open_files::take_all_allowed();
    let config = chosen::config(&args.place, Some(&args.listen))?;
    let shutdown = chosen::shutdown()?;
    let sockets = Sockets::bind(&config)?;
    let (_lock, store) = chosen::own_store(&config).await?;
    let scheme = if config.has_tls() { "https" } else { "http" };
    println!("Farhand listens on {scheme}://{}", sockets.address()?);
    if store.domains().await?.is_empty() {
        let data = config.data_dir.display();
        println!("Nobody can sign in yet. Make the first administrator:");
        println!("  farhand user add --data {data} --domain example --user admin --role admin --operator");
    }
    Ok(farhand_server::run(config, sockets, store, Arc::new(SystemClock), shutdown).await?)
}
