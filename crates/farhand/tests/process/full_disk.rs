//! A disk that is full: clear answers, nothing half done, and work goes on once there is room.

use std::{path::Path, process::Command as Blocking};

use farhand_client::rest::Rest;
use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallLogQuery, CreateCallRequest},
    frame::{ServerFrame, Signal},
};
use tokio::process::Command;

use crate::{
    people::{People, code, events, ring_of},
    process::{Data, Server, farhand_under},
    wait::until,
};

async fn calls_of(rest: &Rest) -> Vec<CallLog> {
    rest.call_logs(&CallLogQuery { limit: Some(100), ..CallLogQuery::default() }).await.unwrap().calls
}

/// A call as large as calls get, so that a small disk is full soon.
fn large(people: &People) -> CreateCallRequest {
    CreateCallRequest { call_title: Some("x".repeat(200)), ..people.direct() }
}

/// Creates calls until there is no room. Answers those that were made.
async fn fill(rest: &Rest, call: &CreateCallRequest) -> Vec<CallLog> {
    let mut made = Vec::new();
    for _ in 0..100_000 {
        match rest.create_call(call).await {
            Ok(log) => made.push(log),
            Err(error) => {
                assert_eq!(code(&error), ErrorCode::StorageUnavailable, "{error}");
                assert!(error.problem().unwrap().retry_after.is_some());
                return made;
            }
        }
    }
    panic!("the disk does not fill up");
}

async fn what_is_refused_is_refused_whole(server: &mut Server, people: &People, made: &[CallLog]) {
    let glasses = people.glasses.rest(&server.url);
    for _ in 0..3 {
        let refused = glasses.create_call(&large(people)).await;
        assert_eq!(code(&refused.unwrap_err()), ErrorCode::StorageUnavailable);
    }
    let expert = people.expert.rest(&server.url);
    // What is less than a call may still find some room.
    let mut refused = None;
    for log in &made[..made.len() - 1] {
        if let Err(error) = expert.decline_call(log.call_id).await {
            assert_eq!(code(&error), ErrorCode::StorageUnavailable);
            refused = Some(log);
            break;
        }
    }
    assert!(server.runs());
    let Some(refused) = refused else { panic!("the disk has room for everything but calls") };
    assert_eq!(expert.call_log(refused.call_id).await.unwrap(), *refused, "a refused decline has changed the call");
    let newest: Vec<_> = calls_of(&glasses).await.iter().map(|log| log.call_id).take(5).collect();
    assert_eq!(newest, made.iter().rev().map(|log| log.call_id).take(5).collect::<Vec<_>>());
}

/// What holds on a full disk, whichever way it is full. `make_room` ends it.
async fn survives(mut server: Server, people: &People, make_room: impl FnOnce()) {
    let glasses = people.glasses.rest(&server.url);
    let mut expert = people.expert.connect(&server.url).await;
    let made = fill(&glasses, &large(people)).await;
    assert!(!made.is_empty(), "the disk was full before the first call");
    what_is_refused_is_refused_whole(&mut server, people, &made).await;
    let last = made.last().unwrap().call_id;
    ring_of(&mut expert, last).await;

    make_room();
    let again = async || glasses.create_call(&people.direct()).await.ok();
    let log = until("a call to be made again", again).await;
    ring_of(&mut expert, log.call_id).await;
    let rung_for_nothing = |frame: &ServerFrame| matches!(frame, ServerFrame::Ring { ring } if made.iter().all(|known| known.call_id != ring.call_id));
    assert!(!expert.holds(rung_for_nothing), "somebody was rung for a call that was not made");
    expert.join(last).await.unwrap();
    assert_eq!(events(&glasses.call_log(last).await.unwrap()), ["Created", "Join"]);
    // What was written under pressure can be read by the next start.
    let count = calls_of(&glasses).await.len();
    assert!(count > made.len().min(99));
}

/// A file system of two megabytes.
struct TinyDisk<'a>(&'a Path);

impl<'a> TinyDisk<'a> {
    /// `None` where one may not mount.
    fn mount(at: &'a Path) -> Option<Self> {
        let mut mount = Blocking::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs"]).arg(at);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(at))
    }

    fn grow(&self) {
        let status = Blocking::new("mount").args(["-o", "remount,size=64m"]).arg(self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for TinyDisk<'_> {
    fn drop(&mut self) {
        // Lazily: a server that is being killed may still hold files.
        let _ = Blocking::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_calls_and_a_larger_one_takes_them_again() {
    let data = Data::new();
    let Some(disk) = TinyDisk::mount(data.path()) else {
        eprintln!("not root: only the limit of file sizes is tested, in the next test");
        return;
    };
    let people = People::settle(data.path()).await;
    let server = Server::start(data.serve()).await;
    survives(server, &people, || disk.grow()).await;
}

/// A server whose files can be kept from growing, by the kernel and for anybody: for tests that are not root.
fn with_limited_files(data: &Data, blocks: &str) -> Command {
    let script = format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$@\"");
    farhand_under(["sh", "-c", &script, "sh"], ["serve", "--data", data.arg(), "--listen", "127.0.0.1:0"])
}

fn limit_files(pid: &str, bytes: &str) {
    let status = Blocking::new("prlimit").args(["--pid", pid, &format!("--fsize={bytes}:")]).status();
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn files_that_may_not_grow_refuse_calls_until_they_may() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let server = Server::start(with_limited_files(&data, "3000")).await;
    let pid = server.pid();
    survives(server, &people, || limit_files(&pid, "unlimited")).await;
}

#[tokio::test]
async fn nobody_loses_a_running_call_to_a_full_disk() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let server = Server::start(with_limited_files(&data, "unlimited")).await;
    let (mut glasses, mut expert) =
        (people.glasses.connect(&server.url).await, people.expert.connect(&server.url).await);
    let call_id = glasses.create_call(people.direct()).await.unwrap().unwrap().call_id;
    let plan = expert.join(call_id).await.unwrap().unwrap().media_plan.unwrap();
    limit_files(&server.pid(), "0");

    let refused = expert.leave(call_id).await.unwrap_err().to_string();
    assert!(refused.contains("storage_unavailable"), "{refused}");
    expert.signal(call_id, plan.epoch, plan.peer.unwrap(), Signal::Restart {}).await.unwrap();
    expert.round_trip().await.unwrap();
    glasses.round_trip().await.unwrap();
    assert!(glasses.holds(|frame| matches!(frame, ServerFrame::Signal { .. })), "signals need no disk");

    limit_files(&server.pid(), "unlimited");
    until("the call to be left", async || expert.leave(call_id).await.ok()).await;
    let log = people.expert.rest(&server.url).call_log(call_id).await.unwrap();
    assert_eq!(events(&log), ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
}
