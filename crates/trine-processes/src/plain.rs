//! What may lie in memory that processes share.

/// A number: of a fixed size, without padding and pointers, and with a value for any bits. So whatever is in memory is one.
///
/// There are implementations for the integers and floats of the language, and no others. A slice of structures that are made
/// of numbers only can be seen as one of numbers, for instance by `bytemuck::cast_slice`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number, and only numbers lie in a `SharedSlice`",
    note = "`bytemuck::cast_slice` makes numbers of structures that consist of them; other values travel by serde"
)]
pub trait Plain: Copy + Send + Sync + sealed::Number + 'static {}

pub(crate) mod sealed {
    /// # Safety
    ///
    /// The type has no padding, is valid for any bits, is not empty, and is aligned to 16 bytes at most.
    pub unsafe trait Number {}
}

macro_rules! plain {
    ($($type:ty)+) => {$(
        // SAFETY: a primitive number.
        unsafe impl sealed::Number for $type {}
        impl Plain for $type {}
    )+};
}

plain!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64);
