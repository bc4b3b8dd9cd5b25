//! Locales and their character sets.

use std::ffi::CString;
use std::ptr;

use super::copy_of;

/// The name of the process's character locale (`setlocale(LC_CTYPE, NULL)`).
pub fn character_locale() -> Vec<u8> {
    // SAFETY: NULL changes nothing; the answer is NULL or a C string, copied at once.
    unsafe { copy_of(libc::setlocale(libc::LC_CTYPE, ptr::null())) }.unwrap_or_default()
}

/// The character set of a locale (`nl_langinfo(CODESET)`); None if the locale does not exist. Does not change the
/// process's own locale.
pub fn codeset(locale: &[u8]) -> Option<Vec<u8>> {
    let name = CString::new(locale).ok()?;
    // SAFETY: the name is a C string, and no base locale is given.
    let locale = unsafe { libc::newlocale(libc::LC_CTYPE_MASK, name.as_ptr(), ptr::null_mut()) };
    if locale.is_null() {
        return None;
    }
    // SAFETY: `locale` is valid; the text lives at least as long as it does.
    let codeset = unsafe { copy_of(libc::nl_langinfo_l(libc::CODESET, locale)) };
    // SAFETY: `locale` came from newlocale and is not used again.
    unsafe { libc::freelocale(locale) };
    codeset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_have_codesets() {
        // Rust programs do not call setlocale.
        assert_eq!(character_locale(), b"C");
        assert_eq!(codeset(b"C").as_deref(), Some(&b"ANSI_X3.4-1968"[..]));
        assert_eq!(codeset(b"C.UTF-8").as_deref(), Some(&b"UTF-8"[..]));
        assert_eq!(codeset(b"no such locale"), None);
        assert_eq!(codeset(b"with\0NUL"), None);
    }
}
