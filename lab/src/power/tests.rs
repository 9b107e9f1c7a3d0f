use std::process::Stdio;
use std::sync::LazyLock;

use rand::SeedableRng;

use super::*;

/// The library, built once.
static BUILT: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let place = tempfile::tempdir().expect("a temporary directory");
    let library = Shim::build(place.path()).expect("cc builds the library");
    (place, library)
});

/// Runs a Python program under the library with its files in a directory; it kills itself at its end.
fn run(shim: &Shim, program: &str) {
    let mut command = Command::new("python3");
    let whole = format!("import os, signal\n{program}\nos.kill(os.getpid(), signal.SIGKILL)");
    command.args(["-c", &whole]).stdin(Stdio::null());
    command.current_dir(&shim.directory);
    shim.preload(&mut command);
    let status = command.status().expect("python3 runs");
    assert_eq!(status.code(), None, "it was to be killed: {status}");
}

/// What cuts leave of what a program has made of a directory that was prepared so.
fn left(prepare: impl Fn(&Path), program: &str, look: impl Fn(&Path) -> String) -> Vec<String> {
    let all = (0..40).map(|seed| {
        let place = tempfile::tempdir().expect("a temporary directory");
        let [beside, directory] = ["beside", "files"].map(|name| place.path().join(name));
        for made in [&beside, &directory] {
            fs::create_dir(made).expect("a directory can be made");
        }
        prepare(&directory);
        let shim = Shim::new(BUILT.1.clone(), &beside, &directory).expect("the directory is there");
        run(&shim, program);
        shim.cut(&mut StdRng::seed_from_u64(seed))
            .expect("the power can be cut");
        look(&directory)
    });
    let mut all: Vec<String> = all.collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn content(name: &'static str) -> impl Fn(&Path) -> String {
    move |directory| fs::read_to_string(directory.join(name)).unwrap_or_else(|_| "none".to_owned())
}

#[test]
fn what_was_flushed_stays_and_of_what_was_appended_later_any_beginning() {
    let program = "
file = os.open('log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
here = os.open('.', os.O_RDONLY)
os.fsync(here)
os.write(file, b'flushed.')
os.fdatasync(file)
os.write(file, b'one.')
os.write(file, b'two.')";
    let left = left(|_| {}, program, content("log"));
    assert!(left.len() > 4, "{left:?}");
    for one in left {
        assert!(
            "flushed.one.two.".starts_with(&one) && one.starts_with("flushed."),
            "{one}"
        );
    }
}

#[test]
fn without_a_flush_of_its_directory_a_new_file_may_be_gone_and_a_replaced_one_back() {
    let prepare = |directory: &Path| fs::write(directory.join("old"), "old").unwrap();
    let program = "
file = os.open('new', os.O_WRONLY | os.O_CREAT)
os.write(file, b'new')
os.fsync(file)
os.rename('new', 'old')";
    assert_eq!(left(prepare, program, content("old")), ["new", "old"]);
    let flushed = format!("{program}\nos.fsync(os.open('.', os.O_RDONLY))");
    assert_eq!(left(prepare, &flushed, content("old")), ["new"]);
    assert_eq!(
        left(prepare, "os.unlink('old')", content("old")),
        ["none", "old"]
    );
}

#[test]
fn blocks_that_were_written_over_are_each_the_old_or_the_new_one() {
    let prepare = |directory: &Path| fs::write(directory.join("pages"), [b'a'; 4 * BLOCK]).unwrap();
    let program = format!(
        "file = os.open('pages', os.O_RDWR)\nos.pwrite(file, b'b' * {}, {BLOCK})",
        2 * BLOCK
    );
    let look = |directory: &Path| {
        let bytes = fs::read(directory.join("pages")).unwrap();
        let blocks = bytes.chunks(BLOCK).map(|block| {
            assert!(block.iter().all(|byte| *byte == block[0]));
            char::from(block[0])
        });
        blocks.collect::<String>()
    };
    assert_eq!(
        left(prepare, &program, look),
        ["aaaa", "aaba", "abaa", "abba"]
    );
}

#[test]
fn a_truncation_that_was_not_flushed_may_be_undone() {
    let prepare = |directory: &Path| fs::write(directory.join("log"), "whole").unwrap();
    let program = "os.ftruncate(os.open('log', os.O_RDWR), 2)";
    assert_eq!(left(prepare, program, content("log")), ["wh", "whole"]);
}
