//! The values that travel: a small and a large one.

/// A value made of a number.
pub trait Value: Send + 'static {
    /// The last part of a row's name.
    const NAME: &'static str;
    /// For people.
    const TITLE: &'static str;

    /// The value.
    fn from_number(number: u64) -> Self;
}

impl Value for u64 {
    const NAME: &'static str = "u64";
    const TITLE: &'static str = "a u64";

    fn from_number(number: u64) -> Self {
        number
    }
}

/// 256 bytes.
impl Value for [u64; 32] {
    const NAME: &'static str = "256-bytes";
    const TITLE: &'static str = "256 bytes";

    fn from_number(number: u64) -> Self {
        [number; 32]
    }
}
