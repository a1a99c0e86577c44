//! Repositories with many worktrees, as people who need the program have them.

use std::fs;
use std::path::Path;

use crate::support::TestRepo;

impl TestRepo {
    /// Lets the files of a worktree be older than its index, as they are an hour after it was made: nothing in it is racy.
    pub fn aged(&self, folder: impl AsRef<Path>) {
        let find = "find . -path ./.git -prune -o -exec touch -h -d '1 hour ago' {} +";
        let mut touch = self.command("sh");
        assert!(touch.current_dir(self.at(&folder)).args(["-c", find]).status().expect("sh").success());
        self.git_try(&folder, &["update-index", "-q", "--refresh"]);
    }

    /// Worktrees (the main one among them) with so many tracked files each, a third of them dirty, each with an ignored
    /// `target/`; an hour old.
    pub fn fleet(worktrees: usize, files: usize) -> Self {
        let repo = Self::empty();
        for file in 0..files {
            repo.write(format!("src/{}/file{file}.txt", file / 100), format!("{file}\nsome lines\nof text\n"));
        }
        repo.write(".gitignore", "target/\n");
        repo.git(&["init", "--quiet", "--initial-branch=main", "."]);
        repo.git(&["add", "."]);
        repo.git(&["commit", "--quiet", "--message=all files"]);
        for index in 1..worktrees {
            repo.git(&["worktree", "add", "--quiet", "-b", &format!("branch/{index}"), &format!("../w{index}")]);
        }
        for index in 0..worktrees {
            let folder = if index == 0 { repo.path() } else { repo.root().join(format!("w{index}")) };
            fs::create_dir_all(folder.join("target/debug")).expect("a folder");
            for file in 0..20 {
                fs::write(folder.join(format!("target/debug/{file}.o")), "object").expect("a file");
            }
            repo.aged(&folder);
            if index % 3 == 1 {
                fs::write(folder.join("src/0/file0.txt"), "changed\n").expect("a file");
                fs::write(folder.join("new.txt"), "new\n").expect("a file");
            }
        }
        repo
    }
}
