//! What a proof costs.

use super::Subject;

#[test]
#[ignore = "a figure: what a proof of a clean worktree costs beside git"]
fn prove_beside_git() {
    use nix::sys::resource::{UsageWho, getrusage};
    let used = |who| {
        let usage = getrusage(who).expect("usage");
        [usage.user_time(), usage.system_time()]
            .iter()
            .map(|time| time.tv_sec() * 1_000_000 + time.tv_usec())
            .sum::<i64>()
    };
    let subject = Subject::empty("sha1");
    for number in 0..5000 {
        subject.write(format!("f{}/g{}/{number}", number % 25, number % 250), "content\n");
    }
    let subject = subject.committed();
    subject.counts(0, 0);
    let (mut own, mut git) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let before = (used(UsageWho::RUSAGE_THREAD), used(UsageWho::RUSAGE_CHILDREN));
        assert!(subject.prove().is_ok());
        own.push(used(UsageWho::RUSAGE_THREAD) - before.0);
        subject.git(&["--no-optional-locks", "status", "--porcelain=v2"]);
        git.push(used(UsageWho::RUSAGE_CHILDREN) - before.1);
    }
    own.sort_unstable();
    git.sort_unstable();
    println!("CPU in µs, medians of 40: {} without git, {} by git", own[20], git[20]);
}
