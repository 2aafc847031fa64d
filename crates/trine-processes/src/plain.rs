//! What may lie in memory that processes share.

/// A number, or what consists of numbers only: plain data, which is a value whatever its bits are.
///
/// The integers and floats of the language are plain. A structure of yours is, if you say so:
///
/// ```
/// use trine_processes::{Plain, ProcessPool, SharedSlice};
///
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Point {
///     x: f32,
///     y: f32,
/// }
///
/// // SAFETY: two numbers of the same size leave no padding.
/// unsafe impl Plain for Point {}
///
/// let pool = ProcessPool::new(1)?;
/// let mut points = SharedSlice::zeroed(100_000);
/// points.make_mut().fill(Point { x: 1.0, y: 2.0 });
/// let sum = pool.submit(|points: SharedSlice<Point>| points.iter().map(|point| point.y).sum::<f32>(), points);
/// assert_eq!(sum.result()?, 200_000.0);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
///
/// # Safety
///
/// Any bits are a value of the type, it has no padding, and no value means anything only in the process that has made it, as a
/// pointer does.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not plain data, and only that lies in a `SharedSlice`",
    note = "numbers are, and structures of numbers for which you implement `Plain`; other values travel by serde"
)]
pub unsafe trait Plain: Copy + Send + Sync + 'static {}

macro_rules! plain {
    ($($type:ty)+) => {$(
        // SAFETY: a number.
        unsafe impl Plain for $type {}
    )+};
}

plain!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64);
