//! A cell whose accesses loom can track.

#[cfg(trine_loom)]
pub use loom::cell::{MutPtr, UnsafeCell};
#[cfg(not(trine_loom))]
pub use plain::{MutPtr, UnsafeCell};

#[cfg(not(trine_loom))]
mod plain {
    /// `core::cell::UnsafeCell` in the shape of loom's: whoever looks inside says from when until when.
    #[derive(Debug, Default)]
    #[repr(transparent)]
    pub struct UnsafeCell<T: ?Sized>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// Wraps `value`.
        pub const fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }

        /// Returns the value.
        pub fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        /// Calls `access` with a pointer that is good for reading.
        #[inline]
        pub fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
            access(self.0.get())
        }

        /// Calls `access` with a pointer that is good for writing.
        #[inline]
        pub fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
            access(self.0.get())
        }

        /// Returns a pointer whose whole life is one exclusive access.
        #[inline]
        pub fn get_mut(&self) -> MutPtr<T> {
            MutPtr(self.0.get())
        }
    }

    /// An exclusive access to an [`UnsafeCell`] for as long as this value lives.
    #[derive(Debug)]
    #[repr(transparent)]
    pub struct MutPtr<T: ?Sized>(*mut T);

    impl<T: ?Sized> MutPtr<T> {
        /// Lends the value.
        ///
        /// # Safety
        ///
        /// The cell is alive, and nothing else accesses it while the returned reference lives.
        #[allow(
            clippy::mut_from_ref,
            reason = "the shape of loom's pointer, which this one stands in for"
        )]
        #[inline]
        pub unsafe fn deref(&self) -> &mut T {
            // SAFETY: the pointer comes from a cell; the caller promises the rest.
            unsafe { &mut *self.0 }
        }
    }
}
