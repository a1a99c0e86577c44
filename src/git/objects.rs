//! Objects of a repository, read without git.
//!
//! What is read is what its id says. (git refuses an object that is this, where the checksum that it is packed with is
//! broken; here it is read.)
//!
//! Memory is bounded: nothing larger than a bound is unpacked, nor anything that it is packed as a difference from.
//! Objects that were replaced or grafted are for the caller to rule out beforehand.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::ByteSlice;
use gix_hash::ObjectId;
use gix_object::{CommitRefIter, Find, FindHeader, Kind};
use gix_odb::HandleArc;
use gix_odb::store::init::Options;

use crate::git::index::Hash;
use crate::git::mounts::Mounts;
use crate::git::regular_file::{self, Links};
use crate::git::why::Why;

/// No object that is larger is unpacked on the way to another.
const LARGEST: usize = 64 << 20;
/// No commit is larger, and no tree with fewer than some hundred thousand names.
const LARGEST_READ: u64 = 16 << 20;
/// A longer list of other folders with objects is not read.
const LONGEST_LIST: usize = 64 << 10;

/// All objects of a repository, for any number of readers.
pub struct Objects {
    store: Arc<gix_odb::Store>,
    hash: gix_hash::Kind,
}

/// Reads objects, one after the other.
pub struct Reader {
    handle: HandleArc,
    hash: gix_hash::Kind,
    buffer: Vec<u8>,
}

impl Objects {
    /// Opens the objects of a repository, where all of them are kept on this machine.
    pub fn open(common_dir: &Path, hash: Hash, mounts: &Mounts) -> Result<Self, Why> {
        let kept = |folder: &Path| mounts.real(folder).filter(|folder| mounts.keeps(folder)).ok_or(Why::FileSystem);
        let folder = kept(&common_dir.join("objects"))?;
        for other in alternates(&folder)? {
            if !alternates(&kept(&other)?)?.is_empty() {
                return Err(Why::Objects);
            }
        }
        let hash = match hash {
            Hash::Sha1 => gix_hash::Kind::Sha1,
            Hash::Sha256 => gix_hash::Kind::Sha256,
        };
        // The folder is given in full: nothing starts from the current one.
        let current_dir = Some(folder.clone());
        let options = Options { alloc_limit_bytes: Some(LARGEST), current_dir, ..Options::default() };
        let store = gix_odb::Store::at_opts(folder, hash, &mut std::iter::empty(), options);
        Ok(Self { store: Arc::new(store.map_err(|_| Why::Objects)?), hash })
    }

    /// A reader of them.
    pub fn reader(&self) -> Reader {
        Reader { handle: self.store.to_cache_arc(), hash: self.hash, buffer: Vec::new() }
    }
}

impl Reader {
    /// The id of a commit's tree, where both are there and can be read: git reads the tree to compare the index with it.
    pub fn tree_of(&mut self, commit: &str) -> Result<Vec<u8>, Why> {
        let commit = ObjectId::from_hex(commit.as_bytes()).ok().filter(|id| id.kind() == self.hash).ok_or(Why::Head)?;
        let hash = self.hash;
        let content = self.read(&commit, Kind::Commit, LARGEST_READ).map_err(|_| Why::Head)?;
        let tree = CommitRefIter::from_bytes(content, hash).tree_id().map_err(|_| Why::Head)?;
        self.read(&tree, Kind::Tree, LARGEST_READ).map_err(|_| Why::Head)?;
        Ok(tree.as_bytes().to_owned())
    }

    /// The content of a file, of no more than `largest` bytes.
    pub fn blob(&mut self, id: &[u8], largest: u64) -> Result<&[u8], Why> {
        let id = ObjectId::try_from(id).map_err(|_| Why::Objects)?;
        self.read(&id, Kind::Blob, largest)
    }

    fn read(&mut self, id: &ObjectId, kind: Kind, largest: u64) -> Result<&[u8], Why> {
        if id.kind() != self.hash {
            return Err(Why::Objects);
        }
        // Of a file, it is known beforehand whether it is too long: what it is packed from may be less so.
        if kind == Kind::Blob {
            let header = self.handle.try_header(id).ok().flatten();
            header.filter(|header| header.size <= largest).ok_or(Why::Objects)?;
        }
        let read = self.handle.try_find(id, &mut self.buffer).ok().flatten().ok_or(Why::Objects)?;
        if read.kind != kind || read.data.len() as u64 > largest {
            return Err(Why::Objects);
        }
        read.verify_checksum(id).map_err(|_| Why::Objects)?;
        Ok(read.data)
    }
}

/// The other folders that objects of this one are in. Only plain lists are read. (Format: gitrepository-layout(5).)
fn alternates(folder: &Path) -> Result<Vec<PathBuf>, Why> {
    let list = match regular_file::contents(&folder.join("info/alternates"), Links::Followed, LONGEST_LIST) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        list => list.map_err(|_| Why::Objects)?,
    };
    let path = |line: &[u8]| {
        let path = Path::new(std::ffi::OsStr::from_bytes(line));
        path.is_absolute().then(|| path.to_owned()).ok_or(Why::Objects)
    };
    list.lines().filter(|line| !line.is_empty()).map(path).collect()
}
