//! The pages, done as a newcomer does them: `tests/walk/run` with the program of this very build in the place of `cargo run`.
//! (`.ci/run` does the same with the real cargo in a checkout that has never been built.)

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::tempdir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A walk over the pages of a tree; whether all was as they say, and what it told.
fn walk(root: &Path) -> (bool, String) {
    let Output { status, stdout, stderr } =
        Command::new(root.join("tests/walk/run")).args(["--sporlog", env!("CARGO_BIN_EXE_sporlog")]).output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

#[test]
fn every_command_of_every_page_does_what_the_page_shows() {
    let (well, told) = walk(root());
    assert!(well, "{told}");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let of_readme = |info: &str| readme.lines().filter(|line| *line == info).count();
    let run: usize = told.lines().find_map(|line| line.strip_suffix(" blocks run")?.parse().ok()).unwrap();
    assert!(of_readme("```sh") >= 8 && run > of_readme("```sh"), "{told}");
    // What a newcomer does and no test: this very suite, and a deployment.
    let left_out: Vec<&str> = told.lines().filter(|line| line.starts_with("not run: README.md:")).collect();
    let marks: Vec<&str> = left_out.iter().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(marks, ["(gate)", "(aws)"], "{told}");
}

const ID: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";
const OTHER_ID: &str = "01a1fcc6-2082-74d2-9f55-b7300fcf6e16";

fn block(info: &str, text: &str) -> String {
    format!("```{info}\n{text}\n```\n\n")
}

fn prints(text: &str, shown: &str) -> String {
    block("sh", &format!("cat <<'.' | tr '%' '-'\n{}\n.", text.replace('-', "%"))) + &block("text", shown)
}

#[test]
fn what_is_not_as_the_page_shows_is_noticed() {
    let json = |shown: &str| block("sh", r#"printf '{"a":[1,"b c"]}'"#) + &block("json", shown);
    let digest = |seconds: &str| format!("2026-11-20T08:05:{seconds}");
    for (page, told) in [
        // As it should be.
        (prints("one\ntwo", "one\ntwo"), "1 blocks run"),
        (prints("one\ntwo", "one\n…"), "1 blocks run"),
        (json("{\"a\": [\n  1, \"b c\"]}"), "1 blocks run"),
        (block("sh", "A=1; f() { echo $A; }; cd /") + &block("sh", "f") + &block("text", "1"), "2 blocks run"),
        (prints(ID, OTHER_ID) + &prints(ID, OTHER_ID), "2 blocks run"),
        (prints(&digest("00.123Z"), &digest("09.000Z")), "1 blocks run"),
        (block("sh aws", "false") + &block("text", "much"), "not run: README.md:1 (aws)"),
        (block("json", "{}") + &block("rust", "fn main() {}"), "0 blocks run"),
        // As it should not.
        (prints("one", "two"), "-two\n+one"),
        (prints("one\ntwo", "one"), "+two"),
        (prints("one\ntwo", "two\n…"), "-two\n+one"),
        (prints("a  b", "a b"), "FAILED README.md:1"),
        (json(r#"{"a": [2, "b c"]}"#), "FAILED README.md:1"),
        (block("sh", "echo not shown"), "+not shown"),
        (block("sh", "echo not shown") + "In between.\n\n" + &block("text", "not shown"), "+not shown"),
        (block("sh", "false"), "FAILED README.md:1: exit status 1"),
        (block("sh", "exit 3"), "FAILED"),
        (block("sh server", "cargo test"), "FAILED README.md:1: the server has ended"),
        (prints(ID, OTHER_ID) + &prints(ID, ID), "FAILED README.md:11"),
        (prints(ID, "c4abf6c3"), "FAILED README.md:1"),
        (block("sh", &format!("A={ID}; echo {OTHER_ID}")) + &block("text", ID), "FAILED README.md:1"),
        (prints(&digest("00.123Z"), &digest("00Z")), "FAILED README.md:1"),
        (prints(&digest("00Z"), &digest("00+00:00")), "FAILED README.md:1"),
        (block("bash", "true"), "README.md:1: commands are `sh`"),
        (block("sh later", "true"), "README.md:1: a block of commands is"),
        ("```sh\ntrue\n".to_owned(), "a block has no end"),
    ] {
        let tree = tempdir().unwrap();
        let script = tree.path().join("tests/walk");
        fs::create_dir_all(&script).unwrap();
        for entry in fs::read_dir(root().join("tests/walk")).unwrap() {
            let file = entry.unwrap();
            fs::copy(file.path(), script.join(file.file_name())).unwrap();
        }
        fs::write(tree.path().join("README.md"), &page).unwrap();
        let (well, printed) = walk(tree.path());
        assert!(printed.contains(told), "{page}{printed}");
        let fine = told.ends_with("blocks run") || told.starts_with("not run");
        assert_eq!(well, fine, "{page}{printed}");
    }
}
