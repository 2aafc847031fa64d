//! The table of all tasks of this program, built by the linker.
//!
//! Wherever the program can submit a task, the address of the task's entry is put into the section
//! `trine_tasks_VERSION`. The linker joins the sections of all object files, and names where the result begins and ends. So
//! parent and worker, which run the same image, have the same table without any registration, and an index into
//! it says which task to run. A task may stand in it several times, and null stands in it at least once. Another version
//! of this crate in the same program has entries of another kind, and a table of its own.

use super::version::versioned;
use crate::mixer::Mixer;
use crate::task::{Entry, run_initializer, run_task};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::arch::asm;
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

unsafe extern "C" {
    /// Where the section begins. Only its address means anything.
    #[link_name = versioned!("__start_trine_tasks_")]
    static START: [usize; 0];
    /// Where the section ends.
    #[link_name = versioned!("__stop_trine_tasks_")]
    static STOP: [usize; 0];
}

/// Puts an address into the section, when this place is compiled. Nothing is executed.
///
/// The section is writable (`aw`), because the addresses in it are relocated, and the linker keeps it although
/// nothing refers to it (`R`).
macro_rules! put_into_section {
    ($address:literal $(, $($operand:tt)*)?) => {
        // SAFETY: no instruction is emitted, and the section that was assembled into is restored.
        unsafe {
            asm!(
                concat!(".pushsection ", versioned!("trine_tasks_"), ",\"awR\",%progbits"),
                #[cfg(target_pointer_width = "64")]
                concat!(".balign 8\n.quad ", $address),
                #[cfg(target_pointer_width = "32")]
                concat!(".balign 4\n.long ", $address),
                ".popsection",
                $($($operand)*,)?
                options(nomem, nostack, preserves_flags)
            );
        }
    };
}

/// The index of the task's entry in the table. `None` would mean that the linker has dropped the section.
pub(crate) fn index_of<F, A, R>() -> Option<u32>
where
    F: Fn(A) -> R + 'static,
    A: DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
    put_into_section!("{entry}", entry = sym run_task::<F, A, R>);
    let entry: Entry = run_task::<F, A, R>;
    index_of_address(entry as usize)
}

/// [`index_of`], for an initializer.
pub(crate) fn index_of_initializer<F, A, E>() -> Option<u32>
where
    F: Fn(A) -> Result<(), E> + 'static,
    A: DeserializeOwned + 'static,
    E: Display + 'static,
{
    put_into_section!("{entry}", entry = sym run_initializer::<F, A, E>);
    let entry: Entry = run_initializer::<F, A, E>;
    index_of_address(entry as usize)
}

fn index_of_address(address: usize) -> Option<u32> {
    static INDEXES: LazyLock<HashMap<usize, u32, BuildHasherDefault<Mixer>>> =
        LazyLock::new(|| addresses().iter().copied().zip(0..).collect());
    INDEXES.get(&address).copied()
}

/// The entry at `index`. `None` if there is none: then nothing must be run.
pub(super) fn entry(index: u32) -> Option<Entry> {
    let address = *addresses().get(usize::try_from(index).ok()?)?;
    if address == 0 {
        return None;
    }
    let address = std::ptr::with_exposed_provenance::<()>(address);
    // SAFETY: what is not null in the section is the address of an instance of `run_task` or `run_initializer`, which is
    // an `Entry`: nothing but `put_into_section` in the two functions above puts any there.
    Some(unsafe { std::mem::transmute::<*const (), Entry>(address) })
}

/// What a worker and its parent must have in common: this crate's version and the layout of the table.
pub(super) fn image_identity() -> u64 {
    let start = (&raw const START).addr();
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    for address in addresses() {
        // Relative, because the image may be loaded elsewhere in each process.
        let offset = if *address == 0 {
            0
        } else {
            address.wrapping_sub(start)
        };
        offset.hash(&mut hasher);
    }
    hasher.finish()
}

fn addresses() -> &'static [usize] {
    // So that the section exists in a program without tasks. It is put beside the code that needs it.
    put_into_section!("0");
    let start = (&raw const START).cast::<usize>();
    let length = ((&raw const STOP).addr() - start.addr()) / size_of::<usize>();
    // SAFETY: the linker's two symbols enclose the section, which consists of aligned addresses and is never written
    // to after the program is loaded.
    unsafe { std::slice::from_raw_parts(start, length) }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{addresses, entry, index_of};
    use crate::beside::Beside;
    use crate::frame::{Call, Frame, Reply};
    use crate::task::fingerprint;
    use trine_future::TaskSpan;

    fn double(number: u32) -> u32 {
        number * 2
    }

    fn index<F: Fn(u32) -> u32 + Copy + 'static>(_: F) -> u32 {
        index_of::<F, u32, u32>().expect("the task is in the table")
    }

    fn run(index: u32, fingerprint: u64, argument: &[u8]) -> Vec<u8> {
        let entry = entry(index).expect("it is an entry");
        let call = Call {
            task: 7,
            entry: index,
            fingerprint,
            span: TaskSpan::none().context(),
            argument,
        };
        let mut reply = Frame::new();
        entry(&call, Beside::NOTHING, &mut reply);
        reply.into_vec()
    }

    #[test]
    fn a_task_is_found_and_run_by_its_index() {
        fn print<F: 'static>(_: F) -> u64 {
            fingerprint::<F, u32, u32>()
        }
        let add = |number: u32| number + 1;
        let subtract = |number: u32| number - 1;
        for (index, fingerprint, expected) in [
            (index(double), print(double), 42),
            (index(add), print(add), 22),
            (index(subtract), print(subtract), 20),
        ] {
            assert_eq!(
                Reply::decode(&run(index, fingerprint, &[21])),
                Some((7, Reply::Value(&[expected])))
            );
        }
    }

    #[test]
    fn p40_another_fingerprint_is_an_unknown_task() {
        let reply = run(index(double), fingerprint::<fn(), u32, u32>(), &[21]);
        assert_eq!(Reply::decode(&reply), Some((7, Reply::UnknownTask)));
    }

    #[test]
    fn p40_null_and_indexes_beyond_the_table_are_no_entries() {
        let null = addresses()
            .iter()
            .position(|address| *address == 0)
            .expect("there is a null entry");
        let length = addresses().len();
        for index in [null, length, length + 1, u32::MAX as usize] {
            assert!(
                entry(u32::try_from(index).expect("it fits")).is_none(),
                "index {index}"
            );
        }
    }
}
