//! Scratch: removed before the end.
#[path = "../../farhand/src/selftest/mod.rs"]
mod selftest;

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).expect("base url");
    let tamper_fingerprint = std::env::args().nth(2).is_some();
    let options = selftest::Options { tamper_fingerprint, ..selftest::Options::default() };
    match selftest::run(&url, &options).await {
        Ok(report) => println!("took {:?}", report.took),
        Err(failure) => {
            println!("FAILED: {failure}");
            std::process::exit(1);
        }
    }
}
