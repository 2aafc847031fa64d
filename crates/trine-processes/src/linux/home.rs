//! The file that this copy of the crate was loaded from: the program's own, or a shared library.
//!
//! A worker is the program started again, and its entry runs because the copy is loaded at the start. A library that the
//! program loads later, if at all, is therefore preloaded into its workers.

use std::ffi::{OsStr, OsString, c_void};
use std::io::BufRead;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::{env, fs, io, ptr};

/// What the dynamic loader is told to load first.
pub(super) const PRELOAD: &str = "LD_PRELOAD";

/// Where a copy of this crate lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    Program,
    /// The path of a shared library.
    Library(String),
}

impl Home {
    /// That of this copy. The error says why its workers could not find it.
    pub(super) fn of_this_copy() -> Result<Self, &'static str> {
        static ADDRESS: u8 = 0;
        let address = (&raw const ADDRESS).cast::<c_void>();
        // SAFETY: reads a value that the kernel has given to the process.
        let headers = unsafe { libc::getauxval(libc::AT_PHDR) };
        let headers = ptr::with_exposed_provenance::<c_void>(headers as usize);
        // The loader of a program that is linked statically knows of no object: then there is no other than the program.
        if base(address) == base(headers) {
            return Ok(Self::Program);
        }
        let path = file_at(address.addr()).map_err(|_| NO_PROC)?.ok_or(NO_FILE)?;
        let path = path.into_string().map_err(|_| BAD_PATH)?;
        if path.ends_with(" (deleted)") {
            return Err(DELETED);
        }
        // What separates the libraries to preload, and the fields of a mark. The kernel writes a backslash for other blanks.
        if path.contains([' ', ':', ';', '\\']) {
            return Err(BAD_PATH);
        }
        Ok(Self::Library(path))
    }

    /// What a worker of this copy has as [`PRELOAD`], if it would have `others`.
    pub(super) fn preload(&self, others: Option<&OsStr>) -> Option<OsString> {
        let Self::Library(path) = self else { return None };
        let mut preload = OsString::from(path);
        if let Some(others) = others.filter(|others| !others.is_empty()) {
            preload.push(":");
            preload.push(others);
        }
        Some(preload)
    }

    /// In a worker: takes back what [`preload`](Self::preload) has added, for the task's own children.
    pub(super) fn forget_preload(&self) {
        let Self::Library(path) = self else { return };
        let Some(preload) = env::var_os(PRELOAD) else {
            return;
        };
        let Some(others) = preload.as_bytes().strip_prefix(path.as_bytes()) else {
            return;
        };
        match others.strip_prefix(b":") {
            // SAFETY: this runs before `main`, and in a worker in place of it. Threads of constructors that ran before
            // may use std's functions for the environment, which take its lock.
            Some(others) => unsafe { env::set_var(PRELOAD, OsStr::from_bytes(others)) },
            // SAFETY: as above.
            None => unsafe { env::remove_var(PRELOAD) },
        }
    }
}

const NO_PROC: &str = "the library that contains Trine can't be found without /proc/self/maps";
const NO_FILE: &str = "the library that contains Trine was not loaded from a file, so workers can't load it";
const DELETED: &str =
    "the library that contains Trine was deleted or replaced since it was loaded, so workers can't load it";
const BAD_PATH: &str = "the path of the library that contains Trine has to be UTF-8 without blanks, colons, semicolons and backslashes, \
     because workers load it by LD_PRELOAD";

/// Where the object begins that contains `address`.
fn base(address: *const c_void) -> Option<*mut c_void> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: any address may be asked for, and the place for the answer is valid.
    let found = unsafe { libc::dladdr(address, info.as_mut_ptr()) };
    // SAFETY: zeros are null pointers, which the fields may be.
    let info = unsafe { info.assume_init() };
    (found != 0).then_some(info.dli_fbase)
}

/// The path of the file that is mapped at `address`.
fn file_at(address: usize) -> io::Result<Option<OsString>> {
    let maps = io::BufReader::new(fs::File::open("/proc/self/maps")?);
    for line in maps.split(b'\n') {
        let line = line?;
        if let Some(path) = path_in(&line, address) {
            return Ok(Some(OsStr::from_bytes(path).to_owned()));
        }
    }
    Ok(None)
}

/// The path in a line of the kernel's list of mappings, if it contains `address`:
/// `start-end permissions offset device inode path`.
fn path_in(line: &[u8], address: usize) -> Option<&[u8]> {
    let path = line.iter().position(|byte| *byte == b'/')?;
    let (range, path) = (line.split(|byte| *byte == b' ').next()?, &line[path..]);
    let (start, end) = std::str::from_utf8(range).ok()?.split_once('-')?;
    let [start, end] = [start, end].map(|number| usize::from_str_radix(number, 16));
    (start.ok()? <= address && address < end.ok()?).then_some(path)
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{Home, path_in};
    use std::ffi::OsStr;

    #[test]
    fn tests_live_in_their_program() {
        assert_eq!(Home::of_this_copy(), Ok(Home::Program));
        assert_eq!(Home::Program.preload(Some(OsStr::new("/lib/other.so"))), None);
    }

    #[test]
    fn a_library_is_preloaded_before_others() {
        let home = Home::Library("/lib/this.so".to_owned());
        for (others, expected) in [
            (None, "/lib/this.so"),
            (Some(""), "/lib/this.so"),
            (Some("/lib/other.so"), "/lib/this.so:/lib/other.so"),
        ] {
            let preload = home.preload(others.map(OsStr::new));
            assert_eq!(preload.as_deref(), Some(OsStr::new(expected)));
        }
    }

    #[test]
    fn the_file_at_an_address_is_found() {
        let line = b"7f00-7f80 r-xp 00001000 08:01 42                 /lib/a b.so (deleted)";
        assert_eq!(path_in(line, 0x7f00), Some(&b"/lib/a b.so (deleted)"[..]));
        assert_eq!(path_in(line, 0x7f80), None);
        assert_eq!(path_in(b"7f00-7f80 rw-p 00000000 00:00 0 [heap]", 0x7f00), None);
    }
}
