//! What git left out of an answer that looks whole.

use bstr::ByteSlice;

/// What git passed over and left out of an answer that looks whole: it exits 0 where it may not enter a folder, whose
/// files then count as unchanged, or as none.
/// (Words: `open_cached_dir` in git's dir.c; `perror` in diff-lib.c, with the path before the system's word.)
pub fn blind_spot(stderr: &[u8]) -> Option<String> {
    use nix::errno::Errno;
    const KNOWN: [Errno; 6] =
        [Errno::EACCES, Errno::EPERM, Errno::EIO, Errno::ESTALE, Errno::ENOTCONN, Errno::ETIMEDOUT];
    let is_passed_over = |line: &&[u8]| {
        let untracked = line.starts_with(b"warning: could not open directory '");
        let said = |error: Errno| {
            let error = std::io::Error::from_raw_os_error(error as i32).to_string();
            let word = error.split(" (os error").next().unwrap_or(&error);
            line.strip_suffix(word.as_bytes()).is_some_and(|rest| rest.ends_with(b": "))
        };
        let is_told = [&b"warning: "[..], b"error: ", b"hint: "].iter().any(|level| line.starts_with(level));
        untracked || (!is_told && KNOWN.into_iter().any(said))
    };
    let line = stderr.lines().find(is_passed_over)?;
    Some(line.strip_prefix(b"warning: ").unwrap_or(line).to_str_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_passed_over_is_not_clean() {
        let found = |stderr: &[u8]| blind_spot(stderr).is_some();
        assert!(found(b"warning: could not open directory 'private/': Permission denied\n"));
        assert!(found(b"hint: x\nprivate/file.txt: Permission denied\n"));
        assert!(found(b"mnt/file: Transport endpoint is not connected\n"));
        assert!(!found(b"warning: unable to access '/root/.config/git/attributes': Permission denied\n"));
        assert!(!found(b"10:20:30.123456 git.c:476 trace: built-in: git status\n"));
        assert!(!found(b""));
    }
}
