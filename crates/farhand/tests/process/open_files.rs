//! The limit of open files, which is the limit of connections.

use crate::process::{Data, Server, farhand_under};

#[tokio::test]
async fn the_server_takes_all_the_open_files_it_is_allowed() {
    let data = Data::new();
    let with_few = ["sh", "-c", r#"ulimit -S -n 64 && exec "$0" "$@""#];
    let server =
        Server::start(farhand_under(with_few, ["serve", "--data", data.arg(), "--listen", "127.0.0.1:0"])).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let limits = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let [soft, hard] = limits.split_whitespace().take(2).collect::<Vec<_>>()[..] else { panic!("{limits}") };
    assert_eq!(soft, hard);
    let said = server.err.says("open files").await;
    assert!(said.contains(hard) && said.contains("64"), "{said}");
}
