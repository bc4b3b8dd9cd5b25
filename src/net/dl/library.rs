//! Loads a library and its functions.

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

/// Declares a struct of library functions, and its `get`, which loads the library on first use.
///
/// A loaded library stays loaded. No lock is held while it loads, because a child forked at that moment could never take it.
macro_rules! functions {
    ($(#[$about:meta])* $name:ident of $files:expr;
     $($function:ident($($argument:ty),* $(,)?) -> $answer:ty;)*) => {
        $(#[$about])*
        struct $name {
            $($function: unsafe extern "C" fn($($argument),*) -> $answer,)*
        }

        impl $name {
            /// The functions; Err says why they are not available.
            fn get() -> Result<&'static $name, String> {
                static LOADED: std::sync::OnceLock<$name> = std::sync::OnceLock::new();
                if let Some(loaded) = LOADED.get() {
                    return Ok(loaded);
                }
                let library = super::library::open($files)?;
                // SAFETY: the functions have these types in every version with such a file name.
                let functions = unsafe {
                    $name { $($function: super::library::function(&library, $files[0], stringify!($function))?,)* }
                };
                std::mem::forget(library);
                Ok(LOADED.get_or_init(|| functions))
            }
        }
    };
}
pub(super) use functions;

/// Loads the first of `files` that can be loaded; Err is about the first of them.
pub(super) fn open(files: &[&str]) -> Result<Library, String> {
    let mut complaint = None;
    for &file in files {
        // SAFETY: what these libraries do when they are loaded is sound.
        match unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) } {
            Ok(library) => return Ok(library),
            Err(error) => complaint = complaint.or(Some(could_not_load(file, &error))),
        }
    }
    Err(complaint.unwrap_or_default())
}

/// # Safety
/// `T` is a function pointer of the type of the library's function `name`.
pub(super) unsafe fn function<T: Copy>(
    library: &Library,
    file: &str,
    name: &str,
) -> Result<T, String> {
    // SAFETY: the caller's promise.
    let symbol = unsafe { library.get::<T>(name.as_bytes()) };
    symbol
        .map(|symbol| *symbol)
        .map_err(|error| could_not_load(file, &error))
}

fn could_not_load(file: &str, error: &libloading::Error) -> String {
    let cause = std::error::Error::source(error);
    let reason = cause.map_or_else(|| error.to_string(), |cause| cause.to_string());
    format!("could not load library \"{file}\": {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_or_function_is_named() {
        let files = ["libpq-oxide-missing.so.1", "libpq-oxide-other.so.1"];
        let complaint = open(&files).unwrap_err();
        let start = "could not load library \"libpq-oxide-missing.so.1\": ";
        assert!(complaint.starts_with(start), "{complaint}");
        assert!(
            complaint.ends_with("No such file or directory"),
            "{complaint}"
        );
        let library = open(&[files[0], "libc.so.6"]).unwrap();
        // SAFETY: nothing is called.
        let missing = unsafe { function::<extern "C" fn()>(&library, "libc.so.6", "no_such") };
        assert!(missing.unwrap_err().contains("no_such"));
    }
}
