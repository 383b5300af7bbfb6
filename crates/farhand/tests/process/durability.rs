//! A CallLog that was answered is on disk before the answer leaves. Asked of the kernel, which cannot be fooled.

use std::path::Path;

use crate::{
    people::People,
    process::{Data, Server, farhand_under},
};

/// One line of `strace -f -yy -ttt`: a thread and what it called.
#[derive(Debug)]
struct Called<'a> {
    thread: &'a str,
    call: &'a str,
}

fn read(trace: &str) -> Vec<Called<'_>> {
    let line = |line| str::split_once(line, ' ').map(|(thread, call)| Called { thread, call: call.trim_start() });
    trace.lines().filter_map(line).collect()
}

fn position(calls: &[Called<'_>], what: &str) -> usize {
    let found = calls.iter().position(|called| called.call.contains(what));
    found.unwrap_or_else(|| panic!("{what:?} is not in the trace: {calls:#?}"))
}

/// Where a call that starts like this at `index` has come back successfully.
fn finished(calls: &[Called<'_>], index: usize) -> Option<usize> {
    let start = &calls[index];
    if start.call.ends_with("= 0") {
        return Some(index);
    }
    let rest = calls.iter().enumerate().skip(index + 1);
    let mut resumed = rest.filter(|(_, later)| later.thread == start.thread && later.call.contains("resumed>"));
    resumed.next().filter(|(_, later)| later.call.ends_with("= 0")).map(|(index, _)| index)
}

fn is_sync_of(called: &Called<'_>, data: &Path) -> bool {
    let of_database = |call: &str| call.contains(data.to_str().unwrap()) && call.contains("farhand.sqlite");
    (called.call.starts_with("fdatasync(") || called.call.starts_with("fsync(")) && of_database(called.call)
}

/// Checks that between the request and its answer the database was written, and synced after that.
fn synced_between(trace: &str, data: &Path, request: &str, answer: &str) {
    let calls = read(trace);
    let asked = position(&calls, request);
    let answered = asked + position(&calls[asked..], answer);
    let between = &calls[asked..answered];
    let is_write = |called: &Called<'_>| called.call.starts_with("pwrite64(") && called.call.contains("farhand.sqlite");
    let written = between.iter().position(is_write);
    let written = written.unwrap_or_else(|| panic!("nothing was written before the answer: {between:#?}"));
    let synced = (written..between.len())
        .filter(|index| is_sync_of(&between[*index], data))
        .any(|index| finished(between, index).is_some());
    assert!(synced, "no sync of what was written before the answer: {between:#?}");
}

/// The first bytes of a connection are read apart from the rest.
const REQUEST: &str = "createCall HTTP/1.1";

#[tokio::test]
async fn a_call_is_synced_to_disk_between_its_request_and_its_answer() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let trace = data.path().join("trace");
    let calls = "trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync";
    // -D: strace becomes the grandchild, so that signals reach the server itself.
    let strace = ["strace", "-D", "-f", "-yy", "-s", "64", "-e", calls, "-o", trace.to_str().unwrap()];
    let mut server =
        Server::start(farhand_under(strace, ["serve", "--data", data.arg(), "--listen", "127.0.0.1:0"])).await;
    let rest = people.glasses.rest(&server.url);
    // What happens once is over: the answer is not that of a warm-up.
    rest.create_call(&people.direct()).await.unwrap();
    let mut socket = people.glasses.connect(&server.url).await;
    let log = people.connector.rest(&server.url).create_call_once("synced?", &people.brokered()).await.unwrap();
    socket.create_call(people.direct()).await.unwrap();
    server.signal("TERM").await;
    assert!(server.ended().await.success());

    let trace = std::fs::read_to_string(trace).unwrap();
    let first = trace.find(REQUEST).unwrap();
    let second = first + 1 + trace[first + 1..].find(REQUEST).expect("a second request");
    let from_line = trace[..second].rfind('\n').unwrap() + 1;
    synced_between(&trace[from_line..], data.path(), REQUEST, "HTTP/1.1 200 OK");
    assert!(log.id > 1);
}
