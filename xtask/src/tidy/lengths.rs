//! No file so long that nobody reads it. Tests may be.

use std::path::Path;

use super::Tree;

const LONGEST: usize = 600;
const LANGUAGES: [&str; 5] = ["rs", "ts", "mjs", "svelte", "java"];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let written = tree.all().filter(|(name, _)| is_production(name));
    let counted = written.map(|(name, text)| (name, production_lines(text)));
    let long = counted.filter(|(_, lines)| *lines > LONGEST);
    long.map(|(name, lines)| format!("{}: {lines} lines, {LONGEST} at most", name.display())).collect()
}

fn is_production(name: &Path) -> bool {
    let known = name.extension().is_some_and(|extension| LANGUAGES.iter().any(|known| extension == *known));
    let text = name.to_string_lossy();
    let generated = text.ends_with(".d.ts");
    let of_tests = text.ends_with("tests.rs") || text.contains(".test.") || text.starts_with("e2e/");
    known && !generated && !of_tests && !name.components().any(|part| part.as_os_str() == "tests")
}

/// The lines before the tests in the same file.
fn production_lines(text: &str) -> usize {
    let lines: Vec<_> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        matches!(pair, [cfg, module]
        if *cfg == "#[cfg(test)]" && module.starts_with("mod ") && module.ends_with('{'))
    });
    tests.unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(name: &str, text: &str) -> usize {
        check(&Tree::of(&[(name, text)])).len()
    }

    #[test]
    fn a_line_too_many_is_one_too_many() {
        for name in ["crates/a/src/b.rs", "web/src/call/c.ts", "web/src/views/D.svelte"] {
            assert_eq!(complaints(name, &"x\n".repeat(LONGEST)), 0, "{name}");
            assert_eq!(complaints(name, &"x\n".repeat(LONGEST + 1)), 1, "{name}");
        }
    }

    #[test]
    fn tests_and_what_is_generated_do_not_count() {
        let long = "x\n".repeat(LONGEST + 1);
        for name in [
            "crates/a/src/tests.rs",
            "crates/a/tests/it.rs",
            "web/tests/c.test.ts",
            "web/src/api/rest.d.ts",
            "docs/a.md",
        ] {
            assert_eq!(complaints(name, &long), 0, "{name}");
        }
        assert_eq!(complaints("crates/a/src/b.rs", &format!("x\n#[cfg(test)]\nmod tests {{\n{long}}}\n")), 0);
    }

    #[test]
    fn a_test_only_line_further_up_hides_nothing() {
        let text = format!("#[cfg(test)]\nuse x;\n{}", "x\n".repeat(LONGEST));
        assert_eq!(complaints("crates/a/src/b.rs", &text), 1);
    }
}
