//! Loading libraries into a program that runs.

use std::ffi::{CString, c_char, c_int, c_void};

unsafe extern "C" {
    fn dlopen(path: *const c_char, mode: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// The function `plugin_run` of a library.
pub(crate) fn function(library: &str) -> extern "C" fn() {
    let path = CString::new(library).expect("a path has no zero");
    // SAFETY: the path ends with a zero, and the library may be loaded. 2 is `RTLD_NOW`.
    let loaded = unsafe { dlopen(path.as_ptr(), 2) };
    assert!(!loaded.is_null(), "{library} can't be loaded");
    // SAFETY: the library was loaded, and the name ends with a zero.
    let function = unsafe { dlsym(loaded, c"plugin_run".as_ptr()) };
    assert!(!function.is_null(), "{library} has no such function");
    // SAFETY: it is a function of this type.
    unsafe { std::mem::transmute::<*mut c_void, extern "C" fn()>(function) }
}
