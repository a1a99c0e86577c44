//! The report for people, as it stands on the screen.

use crate::support::{BINARY, Run, TestRepo};

#[test]
#[cfg(target_os = "linux")]
fn a_report_that_cannot_be_written_does_not_look_well() {
    let repo = TestRepo::new();
    for format in ["human", "json", "jsonl"] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a full disk");
        let run =
            Run::of(repo.command("sh").stdout(full).args(["-c", "exec \"$@\"", "sh", BINARY, "--format", format]));
        run.says("fatal: cannot write the report: ").exits(128);
    }
}
