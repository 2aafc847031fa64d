//! Pointers that are read while somebody may write them.

#[cfg(not(trine_loom))]
pub use real::AtomicPointers;

#[cfg(trine_loom)]
pub use model::AtomicPointers;

#[cfg(not(trine_loom))]
mod real {
    use std::array;
    use std::ptr::null_mut;
    use std::sync::atomic::AtomicPtr;
    use std::sync::atomic::Ordering::Relaxed;

    /// Some pointers, of which each is read and written as a whole, but not all of them at once: who reads while somebody writes
    /// may get some old and some new ones. Nothing is ordered by it, so who uses what he has read has to know otherwise that it was
    /// there, and all of it.
    ///
    /// In a model they are written and read at once. Who would be wrong to use some old and some new ones is wrong to use the
    /// old ones, which the model has him do.
    pub struct AtomicPointers<const COUNT: usize>([AtomicPtr<()>; COUNT]);

    impl<const COUNT: usize> AtomicPointers<COUNT> {
        /// Null pointers.
        #[inline]
        pub fn null() -> Self {
            Self([const { AtomicPtr::new(null_mut()) }; COUNT])
        }

        /// What is there now.
        #[inline]
        pub fn load(&self) -> [*mut (); COUNT] {
            // ORDERING: Relaxed, as above.
            array::from_fn(|place| self.0[place].load(Relaxed))
        }

        /// Replaces what is there.
        #[inline]
        pub fn store(&self, pointers: [*mut (); COUNT]) {
            for (place, pointer) in self.0.iter().zip(pointers) {
                // ORDERING: Relaxed, as above.
                place.store(pointer, Relaxed);
            }
        }

        /// In a model: fails unless every access happened before this.
        pub fn assert_exclusive(&mut self) {}
    }
}

#[cfg(trine_loom)]
mod model {
    use loom::sync::atomic::AtomicUsize;
    use std::ptr::null_mut;
    use std::sync::Mutex;
    use std::sync::atomic::Ordering::Relaxed;

    /// What was stored, one after the other, and the number of what is there.
    pub struct AtomicPointers<const COUNT: usize> {
        stored: Mutex<Vec<[*mut (); COUNT]>>,
        current: AtomicUsize,
    }

    impl<const COUNT: usize> AtomicPointers<COUNT> {
        /// Null pointers.
        pub fn null() -> Self {
            Self {
                stored: Mutex::new(vec![[null_mut(); COUNT]]),
                current: AtomicUsize::new(0),
            }
        }

        /// What is there now, or was before if nothing orders that.
        pub fn load(&self) -> [*mut (); COUNT] {
            let current = self.current.load(Relaxed);
            self.stored.lock().expect("no model panics here")[current]
        }

        /// Replaces what is there.
        pub fn store(&self, pointers: [*mut (); COUNT]) {
            let number = {
                let mut stored = self.stored.lock().expect("no model panics here");
                stored.push(pointers);
                stored.len() - 1
            };
            self.current.store(number, Relaxed);
        }

        /// Fails unless every access happened before this.
        pub fn assert_exclusive(&mut self) {
            self.current.with_mut(|_| ());
        }
    }
}
