//! Embeds the web client. Without a built one, a page that says how to build it takes its place.

fn main() {
    let built = "../../web/dist";
    println!("cargo::rerun-if-changed={built}/index.html");
    let built_exists = std::path::Path::new(built).join("index.html").exists();
    memory_serve::load_directory(if built_exists { built } else { "./fallback-web" });
}
