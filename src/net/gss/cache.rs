//! Guesses whether there are credentials without loading the GSSAPI library, which most programs never need.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::net::sys;

/// Settings in krb5.conf that change the locations checked here.
const MOVES: [&[u8]; 4] = [
    b"default_ccache_name",
    b"default_client_keytab_name",
    b"include",
    b"module",
];
/// Environment variables for credentials that are not in a cache.
const OTHER_SOURCES: [&str; 3] = ["GSS_USE_PROXY", "KRB5_CLIENT_KTNAME", "GSS_MECH_CONFIG"];

/// False only if there cannot be any credentials: no cache, no keytab to fill one, and no mechanism but Kerberos.
pub fn is_likely() -> bool {
    if OTHER_SOURCES
        .iter()
        .any(|name| std::env::var_os(name).is_some())
    {
        return true;
    }
    if let Some(name) = std::env::var_os("KRB5CCNAME").filter(|name| !name.is_empty()) {
        return names_cache(name.as_bytes()) || has_keytab() || has_mechanisms();
    }
    let user = sys::user_id();
    is_there(&format!("/tmp/krb5cc_{user}")) || is_configured() || has_keytab() || has_mechanisms()
}

/// Whether a cache name, `type:rest` or a path, may refer to a cache. Only files can be checked here.
fn names_cache(name: &[u8]) -> bool {
    for prefix in [&b"FILE:"[..], b"DIR::", b"DIR:"] {
        if let Some(path) = name.strip_prefix(prefix) {
            return Path::new(OsStr::from_bytes(path)).exists();
        }
    }
    name.contains(&b':') || Path::new(OsStr::from_bytes(name)).exists()
}

/// Whether krb5.conf may move the cache or the keytab from their default locations.
fn is_configured() -> bool {
    let files = std::env::var_os("KRB5_CONFIG").unwrap_or_else(|| "/etc/krb5.conf".into());
    let mut files = files.as_bytes().split(|&byte| byte == b':');
    files.any(|file| {
        let text = fs::read(OsStr::from_bytes(file)).unwrap_or_default();
        MOVES
            .iter()
            .any(|word| memchr::memmem::find(&text, word).is_some())
    })
}

/// With a client keytab, Kerberos gets a ticket by itself.
fn has_keytab() -> bool {
    let user = sys::effective_user();
    [
        "/etc/krb5/user",
        "/var/kerberos/krb5/user",
        "/var/lib/krb5/user",
    ]
    .iter()
    .any(|place| is_there(&format!("{place}/{user}/client.keytab")))
}

/// Other mechanisms have their own credentials.
fn has_mechanisms() -> bool {
    let listed = fs::read_dir("/etc/gss/mech.d").is_ok_and(|mut files| files.next().is_some());
    listed || is_there("/etc/gss/mech")
}

fn is_there(path: &str) -> bool {
    Path::new(path).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_files_must_exist_and_other_types_count_as_likely() {
        assert!(names_cache(b"FILE:/proc/self/exe"));
        assert!(names_cache(b"/proc/self/exe"));
        assert!(names_cache(b"DIR:/proc/self"));
        assert!(names_cache(b"DIR::/proc/self/exe"));
        assert!(names_cache(b"KCM:"));
        assert!(names_cache(b"KEYRING:persistent:0"));
        for missing in [
            "FILE:/no/such",
            "/no/such",
            "DIR:/no/such",
            "DIR::/no/such/tkt",
        ] {
            assert!(!names_cache(missing.as_bytes()), "{missing}");
        }
    }
}
