//! What keeps two versions of this crate in one program apart.

/// A name that ends with this crate's version, in which nothing but letters, digits and underscores are.
macro_rules! versioned {
    ($name:literal) => {
        concat!(
            $name,
            env!("CARGO_PKG_VERSION_MAJOR"),
            "_",
            env!("CARGO_PKG_VERSION_MINOR"),
            "_",
            env!("CARGO_PKG_VERSION_PATCH")
        )
    };
}
pub(super) use versioned;
