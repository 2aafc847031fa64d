//! Values that travel to workers without being copied.

use crate::beside::{self, Place};
use crate::bytes::Whole;
use crate::memory::{ALIGNMENT, Memory};
use crate::plain::Plain;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeTuple};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

const OUTSIDE: &str = "a `SharedSlice` can only be part of an argument or a result of a process pool's task";

/// A slice of numbers, or other [plain](Plain) data, that tasks in worker processes read where it lies.
///
/// Fill it in place, and give it to a task, alone or anywhere inside of a value: what travels is where it is. A clone is the
/// same memory, so many tasks can read one slice. When the last clone has gone, and no task reads it any more, the memory is
/// kept for the next slice of about that length, in this program and in the workers: no memory is new when it is used again.
///
/// ```
/// use trine_processes::{ProcessPool, SharedSlice};
///
/// fn sum((numbers, range): (SharedSlice<f64>, std::ops::Range<usize>)) -> f64 {
///     numbers[range].iter().sum()
/// }
///
/// let pool = ProcessPool::new(2)?;
/// let mut numbers = SharedSlice::zeroed(100_000);
/// for (index, number) in numbers.make_mut().iter_mut().enumerate() {
///     *number = index as f64;
/// }
/// let halves = [0..50_000, 50_000..100_000].map(|half| pool.submit(sum, (numbers.clone(), half)));
/// let sums: Result<Vec<f64>, _> = halves.into_iter().map(|half| half.result()).collect();
/// assert_eq!(sums?.iter().sum::<f64>(), 4_999_950_000.0);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
///
/// # Who writes
///
/// Nobody, while anybody reads: [`make_mut`](Self::make_mut) gives the slice if nobody else has it, in this program or in
/// a task that has not ended, and a copy of it if somebody has. A worker maps the memory for reading only, and the kernel lets it
/// do nothing else: it can neither write to it nor make it shorter. What a task keeps beyond its end stays what it is; that
/// memory is not used again.
///
/// # As a result
///
/// A task fills a slice in memory of its worker, and returns it. The program copies it once, into memory of its own, so nothing
/// that the worker does later changes it. A task that returns what it was given costs copies: return what is new.
///
/// # Where it is copied
///
/// A slice of less than 32 KiB travels as other bytes do, which is faster. So does a longer one if the kernel gives no memory
/// to share (`memfd_create`), and when the program has 64 such slices already, or an eighth as many as it may have descriptors: each
/// holds one. A quarter of these places is for slices of 256 KiB and more.
///
/// # Elsewhere
///
/// `Serialize` and `Deserialize` work for arguments and results of tasks only. To write a slice into a file or to send it to
/// another program fails; write what is in it.
///
/// The memory belongs to the process. Don't use slices in a process that was forked off without `exec`.
#[doc(alias("IpcSharedMemory", "shared_memory", "SharedMemory", "memmap", "numpy"))]
pub struct SharedSlice<T> {
    /// Its length is a multiple of that of `T`, and so is its address.
    memory: Arc<Memory>,
    _values: PhantomData<[T]>,
}

/// Bytes that tasks in worker processes read where they lie: see [`SharedSlice`].
///
/// ```
/// use trine_processes::{ProcessPool, SharedBytes};
///
/// let pool = ProcessPool::new(1)?;
/// let mut image = SharedBytes::for_overwrite(1_000_000);
/// for shade in 1..=3 {
///     image.make_mut().fill(shade);
///     let darkest = pool.submit(|image: SharedBytes| image.iter().max().copied(), image.clone());
///     assert_eq!(darkest.result()?, Some(shade));
/// }
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub type SharedBytes = SharedSlice<u8>;

impl<T: Plain> SharedSlice<T> {
    /// A slice of so many values, of which all bits are zero.
    ///
    /// # Panics
    ///
    /// If so many values are more than memory can hold. If there is no memory for them, the program ends, as for a `Vec`.
    pub fn zeroed(length: usize) -> Self {
        let mut zeroed = Self::for_overwrite(length);
        if let Some(bytes) = Arc::get_mut(&mut zeroed.memory).and_then(Memory::get_mut) {
            bytes.fill(0);
        }
        zeroed
    }

    /// A slice of so many values, whatever they are: zeros, or what an earlier slice of this program has left. For who
    /// writes all of them.
    ///
    /// # Panics
    ///
    /// As [`zeroed`](Self::zeroed).
    #[doc(alias("uninit", "with_capacity"))]
    pub fn for_overwrite(length: usize) -> Self {
        let bytes = length
            .checked_mul(size_of::<T>())
            .filter(|bytes| isize::try_from(*bytes).is_ok());
        let bytes =
            bytes.unwrap_or_else(|| panic!("a slice of {length} numbers is longer than memory can be"));
        Self::of(Arc::new(Memory::for_overwrite(bytes)))
    }

    fn of(memory: Arc<Memory>) -> Self {
        const {
            assert!(size_of::<T>() > 0, "values without a size need no memory");
            assert!(
                align_of::<T>() <= ALIGNMENT,
                "a value in a `SharedSlice` is aligned to 16 bytes at most"
            );
        }
        Self {
            memory,
            _values: PhantomData,
        }
    }

    /// The slice to write to. If somebody else has it, a clone or a task, this becomes a copy first, so they don't notice.
    pub fn make_mut(&mut self) -> &mut [T] {
        if Arc::get_mut(&mut self.memory).and_then(Memory::get_mut).is_none() {
            *self = Self::of(Arc::new(Memory::copy_of(self.memory.bytes())));
        }
        let bytes = Arc::get_mut(&mut self.memory).and_then(Memory::get_mut);
        let bytes = bytes.expect("memory that was just made is its owner's alone");
        // SAFETY: any bytes are plain values, and those are bytes without gaps. The address is aligned, and nothing is left over.
        unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len() / size_of::<T>()) }
    }
}

impl<T: Plain> Deref for SharedSlice<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let bytes = self.memory.bytes();
        // SAFETY: any bytes are plain values. The address is aligned, and nothing is left over.
        unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) }
    }
}

/// The same memory.
impl<T> Clone for SharedSlice<T> {
    fn clone(&self) -> Self {
        Self {
            memory: Arc::clone(&self.memory),
            _values: PhantomData,
        }
    }
}

/// A copy.
impl<T: Plain> From<&[T]> for SharedSlice<T> {
    fn from(numbers: &[T]) -> Self {
        let mut copy = Self::for_overwrite(numbers.len());
        copy.make_mut().copy_from_slice(numbers);
        copy
    }
}

/// An empty slice.
impl<T: Plain> Default for SharedSlice<T> {
    fn default() -> Self {
        Self::for_overwrite(0)
    }
}

impl<T: Plain + PartialEq> PartialEq for SharedSlice<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Plain + Eq> Eq for SharedSlice<T> {}

impl<T: Plain + fmt::Debug> fmt::Debug for SharedSlice<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

/// Written as a pair: one more than its place beside the value, and no bytes; or zero, and its bytes.
impl<T: Plain> Serialize for SharedSlice<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let place = beside::put(&self.memory).ok_or_else(|| S::Error::custom(OUTSIDE))?;
        let mut pair = serializer.serialize_tuple(2)?;
        match place {
            Place::Beside(index) => {
                pair.serialize_element(&(index + 1))?;
                pair.serialize_element(&Whole(&[]))?;
            }
            Place::Inline => {
                pair.serialize_element(&0_u32)?;
                pair.serialize_element(&Whole(self.memory.bytes()))?;
            }
        }
        pair.end()
    }
}

impl<'de, T: Plain> Deserialize<'de> for SharedSlice<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !beside::is_there() {
            return Err(D::Error::custom(OUTSIDE));
        }
        let (place, inline) = <(u32, Copied)>::deserialize(deserializer)?;
        let memory = match place.checked_sub(1) {
            None => Arc::new(inline.0),
            Some(index) => beside::get(index).ok_or_else(|| D::Error::custom("the slice is not there"))?,
        };
        if !memory.bytes().len().is_multiple_of(size_of::<T>()) {
            return Err(D::Error::custom("the bytes of the slice are no whole numbers"));
        }
        Ok(Self::of(memory))
    }
}

/// Bytes that were copied to where numbers can be.
struct Copied(Memory);

impl<'de> Deserialize<'de> for Copied {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(CopiedVisitor)
    }
}

struct CopiedVisitor;

impl<'de> Visitor<'de> for CopiedVisitor {
    type Value = Copied;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the bytes of a slice")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Copied, E> {
        Ok(Copied(Memory::copy_of(bytes)))
    }

    /// For formats without bytes, as JSON inside of a value.
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Copied, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = sequence.next_element::<u8>()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}
