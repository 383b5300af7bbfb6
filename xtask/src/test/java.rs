//! Builds the Java example on a client that the `openapi-generator` makes from our own `openapi.json`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::console::note;
use crate::process::{Failure, Job, Outcome};
use crate::python;
use crate::{demo, files};

const GENERATOR: &str = "openapi-generator-cli==7.26.0";
const ANNOTATIONS: &str = "/usr/share/java/jakarta-annotation-api.jar";
const PROPERTIES: &str = "openApiNullable=false,useJakartaEe=true,hideGenerationTimestamp=true,\
    invokerPackage=farhand.client,apiPackage=farhand.client.api,modelPackage=farhand.client.model";

/// Hands back the class path to run the example with.
pub(crate) fn build(root: &Path) -> Outcome<OsString> {
    let jar = generator(root)?;
    let work = root.join("target/examples/java");
    let document = work.join("openapi.json");
    let before = std::fs::read(&document).ok();
    let openapi = Job::new(demo::server(root), root).args(["openapi"]).capture()?;
    let client = work.join("client");
    if before.as_deref() != Some(&openapi) || !work.join("classes/farhand/client/api").is_dir() {
        drop(std::fs::remove_dir_all(&work));
        files::write(&document, &openapi)?;
        generate(root, &jar, &document, &client)?;
        compile(root, &jar, &work, &client.join("src/main/java"))?;
    }
    compile(root, &jar, &work, &root.join("examples/java"))?;
    let path = [work.join("classes"), jar, PathBuf::from(ANNOTATIONS)];
    std::env::join_paths(path).map_err(|error| Failure(error.to_string()))
}

/// The generator; its jar also holds the JSON library the client needs.
fn generator(root: &Path) -> Outcome<PathBuf> {
    python::installed(root, GENERATOR, "lib/*/site-packages/openapi_generator_cli/openapi-generator.jar")
}

fn generate(root: &Path, jar: &Path, document: &Path, client: &Path) -> Outcome {
    let generator = || Job::new("java", root).args(["-jar".as_ref(), jar]);
    note("checking the OpenAPI document with the OpenAPI Generator");
    generator().args(["validate", "-i"]).args([document]).run()?;
    note("generating a Java client");
    let made = generator()
        .args(["generate", "-g", "java", "--library", "native", "--additional-properties", PROPERTIES, "-i"])
        .args([document, Path::new("-o"), client]);
    // It prints every file it writes.
    made.capture().map(drop)
}

fn compile(root: &Path, jar: &Path, work: &Path, sources: &Path) -> Outcome {
    let classes = work.join("classes");
    let all = files::sources(sources)?;
    let java = all.iter().filter(|file| file.extension().is_some_and(|extension| extension == "java"));
    let path =
        std::env::join_paths([&classes, jar, Path::new(ANNOTATIONS)]).map_err(|error| Failure(error.to_string()))?;
    std::fs::create_dir_all(&classes).map_err(|error| files::unreadable(&classes, &error))?;
    note(&format!("compiling {}", sources.display()));
    let javac = Job::new("javac", root).args(["-nowarn", "-Xlint:none", "-proc:none", "-encoding", "UTF-8", "-d"]);
    javac.args([&classes]).args(["-cp"]).args([&path]).args(java).capture().map(drop)
}
