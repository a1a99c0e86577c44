//! The program with no configuration at all.

use crate::support::TestRepo;

#[test]
fn without_configuration_it_tells_the_state_of_every_worktree() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    repo.write("../feature/new.txt", "new\n");
    let run = repo.wtcheck(&[]);
    run.exits(0);
    let json = repo.wtcheck(&["--format", "json"]).exits(0).json();
    assert_eq!(json["worktrees"][0]["checks"][0]["facts"]["clean"], true);
    assert_eq!(json["worktrees"][1]["checks"][0]["facts"]["untracked"], 1);
    assert_eq!(json["worktrees"][1]["checks"][1]["outcome"], "passed", "diff runs where something has changed");
    assert_eq!(json["worktrees"][0]["checks"][1]["outcome"], "skipped");
    assert_eq!(json["summary"]["exit_code"], 0);
}
