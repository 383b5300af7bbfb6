//! A network namespace of this process's own, with a pair of virtual Ethernet devices that lead to each other.

use std::{env, os::unix::process::CommandExt as _, process::Command};

use super::systems::{ADDRESS, GENERATOR_CORE};
use crate::Outcome;

/// Starts this program again with the same arguments, in a namespace and on the generator's core. Does not come back unless it fails.
pub(crate) fn enter() -> Outcome {
    let mut command = Command::new("unshare");
    command.args(["--net", "--", "taskset", "-c", GENERATOR_CORE]).arg(env::current_exe()?);
    let error = command.args(env::args_os().skip(1)).arg("--inside").exec();
    Err(format!("a network namespace takes root and a second core: {error}").into())
}

/// Gives the namespace its address.
pub(crate) fn prepare() -> Outcome {
    let address = format!("{ADDRESS}/24");
    ip(&["link", "set", "lo", "up"])?;
    ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"])?;
    ip(&["addr", "add", &address, "dev", "v0"])?;
    ip(&["link", "set", "v0", "up"])?;
    ip(&["link", "set", "v1", "up"])
}

fn ip(args: &[&str]) -> Outcome {
    let done = Command::new("ip").args(args).status()?.success();
    if done { Ok(()) } else { Err(format!("ip {} has failed", args.join(" ")).into()) }
}
