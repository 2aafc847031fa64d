//! A closure that nobody waits for: no future, no block, and a small one lies in the queue itself.

use crate::ending::drop_unseen;
use crate::work::{Call, Work};
use crate::{Outcome, TaskError, TaskSpan, failure, memory};
use std::alloc::Layout;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::NonNull;

/// How much of a closure lies in the `Detached`.
type Place = [MaybeUninit<usize>; 3];

/// A closure that waits to be run, and whose result nobody wants: what an executor keeps in its queue, of four words. Captures
/// of up to three lie in it; more of them lie in memory that is used again for the next one.
///
/// A failure goes to the [failure hook](crate::set_failure_hook). If it is dropped, so is the closure.
///
/// ```
/// use std::sync::mpsc;
/// use trine_future::{Detached, Outcome, TaskSpan};
///
/// let (sender, receiver) = mpsc::channel();
/// let task = Detached::new(TaskSpan::none(), move || sender.send(4).unwrap());
/// assert_eq!(task.run(), Outcome::Done);
/// assert_eq!(receiver.recv(), Ok(4));
/// ```
pub struct Detached {
    functions: &'static Functions,
    /// The call, or a pointer to it.
    place: Place,
}

// SAFETY: what is in it is a `Call` of a closure that is `Send`, or the only pointer to one.
unsafe impl Send for Detached {}

/// What is done with a call whose type is not known here. Each takes the call out of its place: it is called once.
struct Functions {
    run: unsafe fn(&Place) -> Outcome,
    discard: unsafe fn(&Place),
}

impl Detached {
    /// A task with its span, which ends with the closure.
    pub fn new<F: FnOnce() + Send + 'static>(span: TaskSpan, closure: F) -> Self {
        let call = Call::<F, F>::new(closure, span);
        let mut place: Place = [MaybeUninit::uninit(); _];
        if Typed::<F>::IN_PLACE {
            // SAFETY: it fits.
            unsafe { place.as_mut_ptr().cast::<Call<F, F>>().write(call) };
        } else {
            let memory = memory::allocate(Typed::<F>::LAYOUT).cast::<Call<F, F>>();
            // SAFETY: the memory is large enough, aligned, and nobody else's.
            unsafe { memory.write(call) };
            // SAFETY: a pointer fits.
            unsafe { place.as_mut_ptr().cast::<NonNull<Call<F, F>>>().write(memory) };
        }
        Self {
            functions: &Typed::<F>::FUNCTIONS,
            place,
        }
    }

    /// Runs the closure on this thread. Returns how it ended: done, or failed by a panic.
    pub fn run(self) -> Outcome {
        let task = ManuallyDrop::new(self);
        // SAFETY: the place is as `new` has made it, and is not used after this.
        unsafe { (task.functions.run)(&task.place) }
    }

    /// Drops the closure, and reports that it was not run, for that reason.
    ///
    /// ```
    /// use trine_future::{Detached, TaskError, TaskSpan};
    ///
    /// let task = Detached::new(TaskSpan::none(), || println!("never"));
    /// task.fail(TaskError::refused("the pool was shut down")); // which the failure hook is told
    /// ```
    pub fn fail(self, error: TaskError) {
        drop(self);
        drop_unseen::<()>(Err(error));
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        // SAFETY: the place is as `new` has made it, and is not used after this.
        unsafe { (self.functions.discard)(&self.place) };
    }
}

impl fmt::Debug for Detached {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Detached").finish_non_exhaustive()
    }
}

/// What is known of a closure's type.
struct Typed<F>(PhantomData<F>);

impl<F: FnOnce() + Send + 'static> Typed<F> {
    const IN_PLACE: bool =
        size_of::<Call<F, F>>() <= size_of::<Place>() && align_of::<Call<F, F>>() <= align_of::<Place>();

    /// The memory of a call that does not lie in its place. Never of size zero, which an allocator must not be asked for: captures
    /// without a size may need more alignment than the place has.
    const LAYOUT: Layout = {
        let call = Layout::new::<Call<F, F>>();
        let size = if call.size() == 0 { 1 } else { call.size() };
        match Layout::from_size_align(size, call.align()) {
            Ok(layout) => layout,
            Err(_) => panic!("one byte of this alignment is too much"),
        }
    };

    const FUNCTIONS: Functions = Functions {
        run: Self::run,
        discard: Self::discard,
    };

    /// # Safety
    ///
    /// The place was filled by `new` with a closure of this type, and nothing has been taken out of it.
    unsafe fn take(place: &Place) -> Call<F, F> {
        if Self::IN_PLACE {
            // SAFETY: it is there, and is not read again.
            return unsafe { place.as_ptr().cast::<Call<F, F>>().read() };
        }
        // SAFETY: a pointer is there.
        let memory = unsafe { place.as_ptr().cast::<NonNull<Call<F, F>>>().read() };
        // SAFETY: the pointer is the only one, to a call that is not read again.
        let call = unsafe { memory.read() };
        // SAFETY: it was allocated with this layout, and nobody uses it any more.
        unsafe { memory::free(memory.cast(), Self::LAYOUT) };
        call
    }

    /// # Safety
    ///
    /// As for `take`.
    unsafe fn run(place: &Place) -> Outcome {
        // SAFETY: passed on to the caller.
        let result = Work::<()>::perform(unsafe { Self::take(place) });
        let outcome = if result.is_ok() {
            Outcome::Done
        } else {
            Outcome::Failed
        };
        drop_unseen(result);
        outcome
    }

    /// # Safety
    ///
    /// As for `take`.
    unsafe fn discard(place: &Place) {
        // SAFETY: passed on to the caller.
        let call = unsafe { Self::take(place) };
        // PANIC: the destructors of the captures are the user's code; nobody waits to be told.
        failure::contain(|| drop(call));
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{Detached, Typed};
    use crate::{Outcome, TaskSpan};

    /// Without a size, and aligned to more than a place is.
    #[derive(Clone, Copy)]
    #[repr(align(64))]
    struct Aligned;

    fn assert_has_a_size<F: FnOnce() + Send + 'static>(_: &F) {
        assert!(!Typed::<F>::IN_PLACE);
        assert!(Typed::<F>::LAYOUT.size() > 0);
    }

    #[test]
    fn the_allocator_is_not_asked_for_nothing() {
        let aligned = Aligned;
        let closure = move || {
            let here = &raw const aligned;
            assert!(here.is_aligned());
        };
        assert_has_a_size(&closure);
        assert_eq!(Detached::new(TaskSpan::none(), closure).run(), Outcome::Done);
        drop(Detached::new(TaskSpan::none(), closure));
    }
}
