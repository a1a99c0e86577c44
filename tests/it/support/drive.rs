//! A drive that is dead: a real mount whose server takes every question and never answers it.
//!
//! It speaks FUSE with the kernel by itself (linux/fuse.h): one handshake, and then silence. Who looks at it then waits in
//! the kernel where no signal reaches it, SIGKILL among them, until the drive is let go.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::there_is;

/// The one question that is answered: which version is spoken.
const INIT: u32 = 26;

/// The mount; gone when it is dropped.
pub struct DeadDrive {
    place: PathBuf,
}

impl DeadDrive {
    /// Mounts it. None where this user may not: then the test says so.
    pub fn mounted_at(place: &Path) -> Option<Self> {
        let device = File::options().read(true).write(true).open("/dev/fuse").ok();
        let device = device.filter(|_| nix::unistd::geteuid().is_root());
        if !there_is("a drive that can be mounted (FUSE, as root)", device.is_some()) {
            return None;
        }
        let device = device.expect("looked at above");
        std::fs::create_dir_all(place).expect("a folder");
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        mount(Some("dead"), place, Some("fuse"), MsFlags::empty(), Some(options.as_str())).expect("a mount");
        std::thread::spawn(move || serve(&device));
        Some(Self { place: place.to_owned() })
    }
}

fn serve(mut device: &File) {
    let mut question = vec![0; 1 << 17];
    while let Ok(length) = device.read(&mut question) {
        let word = |at: usize| u32::from_ne_bytes(question[at..at + 4].try_into().expect("four bytes"));
        if length >= 56 && word(4) == INIT {
            // Header: length, error, the question's number. Then fuse_init_out: version 7.31, read-ahead, flags, and zeros.
            let mut answer = vec![0_u8; 16 + 64];
            answer[..4].copy_from_slice(&80_u32.to_ne_bytes());
            answer[8..16].copy_from_slice(&question[8..16]);
            answer[16..20].copy_from_slice(&7_u32.to_ne_bytes());
            answer[20..24].copy_from_slice(&31_u32.to_ne_bytes());
            answer[36..40].copy_from_slice(&4096_u32.to_ne_bytes());
            device.write_all(&answer).expect("the handshake");
        }
    }
}

impl Drop for DeadDrive {
    fn drop(&mut self) {
        // Whoever waits is let go by the unmounting with force, which ends the connection.
        let _ = umount2(&self.place, MntFlags::MNT_FORCE);
        let _ = umount2(&self.place, MntFlags::MNT_DETACH);
    }
}
