//! Reads connection parameters from a directory server (libpq: ldapServiceLookup).

use std::ffi::CString;
use std::time::Duration;

use super::dl::ldap::{Ldap, Search};
use crate::conninfo::directory::Query;
use crate::mem::error_text::ErrorText;

/// libpq: PGLDAP_TIMEOUT, for connecting and binding. The search itself has no limit.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The attribute's values, in the server's order; None if the server is down. Err is libpq's text.
pub fn look_up(query: &Query) -> Result<Option<Vec<Vec<u8>>>, ErrorText> {
    let (host, base) = (c_string(&query.host), c_string(&query.base));
    let (filter, attribute) = (c_string(&query.filter), c_string(&query.attribute));
    let ldap = Ldap::load()?;
    let session = ldap
        .session(&host, query.port)
        .ok_or("could not create LDAP structure")?;
    if !session.limit_connecting(Some(TIMEOUT)) {
        return Err(b"could not create LDAP structure".into());
    }
    if !session.bind_anonymously(TIMEOUT) {
        return Ok(None);
    }
    session.limit_connecting(None);
    let search = Search {
        base: &base,
        scope: query.scope as i32,
        filter: &filter,
        attribute: &attribute,
    };
    let found = session
        .search(&search)
        .map_err(|reason| [b"lookup on LDAP server failed: ", &reason[..]].concat())?;
    match found.count() {
        0 => Err(b"no entry found on LDAP lookup".into()),
        1 => match found.first_values(&attribute) {
            values if values.is_empty() => Err(b"attribute has no values on LDAP lookup".into()),
            values => Ok(Some(values)),
        },
        _ => Err(b"more than one entry found on LDAP lookup".into()),
    }
}

/// The bytes before the first NUL, as C reads them.
fn c_string(bytes: &[u8]) -> CString {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    CString::new(text).unwrap_or_default()
}
