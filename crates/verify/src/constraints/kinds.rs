//! Compares names with the bases of constraints, for each kind of name. None means that they cannot be compared.

use super::{General, Kind};

/// Whether `name` is within `base`. Both are of the same kind.
pub fn is_within(name: &General<'_>, base: &General<'_>) -> Option<bool> {
    let (own, base) = (name.value.as_ref(), base.value.as_ref());
    match name.kind {
        Kind::Dns => dns(own, base),
        Kind::Email if name.is_mailbox => mailbox(own, base),
        Kind::Email => email(own, base),
        Kind::Uri => uri(own, base),
        Kind::Address => address(own, base),
        Kind::Directory => Some(own.starts_with(base)),
        Kind::Other(_) | Kind::Unsupported(_) => None,
    }
}

/// Whether `name` is within an excluded `base`. Unlike in OpenSSL, a final dot does not matter, and a wildcard must not match
/// a name within the base.
pub fn touches(name: &General<'_>, base: &General<'_>) -> Option<bool> {
    let within = is_within(name, base)?;
    if name.kind != Kind::Dns {
        return Some(within);
    }
    let (own, base) = (name.value.as_ref(), base.value.as_ref());
    let without_dot = own.strip_suffix(b".").unwrap_or(own);
    Some(within || dns(without_dot, base)? || covers(without_dot, base))
}

/// RFC 5280: a domain contains itself and its subdomains. OpenSSL: a base with a dot at the start contains only subdomains.
fn dns(name: &[u8], base: &[u8]) -> Option<bool> {
    if name.contains(&0) {
        return None;
    }
    let Some(rest) = before(name, base) else {
        return Some(false);
    };
    let starts_label = rest.is_empty() || rest.ends_with(b".") || base.starts_with(b".");
    Some(base.is_empty() || starts_label)
}

/// Whether the wildcard `pattern` matches `host`.
fn covers(pattern: &[u8], host: &[u8]) -> bool {
    let Some(end) = pattern
        .strip_prefix(b"*")
        .filter(|end| end.starts_with(b"."))
    else {
        return false;
    };
    before(host, end).is_some_and(|label| !label.is_empty() && !label.contains(&b'.'))
}

/// RFC 5280: a base is an address, a host, or a domain with a dot at the start. The local part is case-sensitive.
fn email(name: &[u8], base: &[u8]) -> Option<bool> {
    let (base_local, base_host) = split_address(base);
    let split = split_address(name);
    if base_local.is_none() && base.starts_with(b".") {
        return Some(before(name, base).is_some_and(|rest| !rest.is_empty()));
    }
    let (Some(local), host) = split else {
        return None;
    };
    let same_local = base_local.is_none_or(|base| base.is_empty() || base == local);
    Some(same_local && host.eq_ignore_ascii_case(base_host))
}

/// Only a host can be the base of these. Non-ASCII hosts are not compared: base and name encode them differently, and OpenSSL
/// converts them.
fn mailbox(name: &[u8], base: &[u8]) -> Option<bool> {
    let is_host = !base.starts_with(b".") && !base.contains(&b'@');
    let (_, host) = split_address(name);
    let plain = is_host && host.is_ascii() && base.is_ascii();
    plain.then(|| email(name, base))?
}

/// The local part, if there is an at sign, and the host.
fn split_address(address: &[u8]) -> (Option<&[u8]>, &[u8]) {
    match address.iter().rposition(|byte| *byte == b'@') {
        Some(at) => {
            let (local, rest) = address.split_at(at);
            (Some(local), rest.strip_prefix(b"@").unwrap_or(rest))
        }
        None => (None, address),
    }
}

/// RFC 5280: the host is compared, and there must be one. OpenSSL: it ends at the first colon, or else at the first slash.
fn uri(name: &[u8], base: &[u8]) -> Option<bool> {
    let colon = name.iter().position(|byte| *byte == b':')?;
    let rest = name.get(colon..)?.strip_prefix(b"://")?;
    let end = |mark: u8| rest.iter().position(|byte| *byte == mark);
    let end = end(b':').or(end(b'/')).unwrap_or(rest.len());
    let host = rest.get(..end).filter(|host| !host.is_empty())?;
    Some(match base.starts_with(b".") {
        true => before(host, base).is_some_and(|rest| !rest.is_empty()),
        false => host.eq_ignore_ascii_case(base),
    })
}

/// RFC 5280: a base is an address and a mask, twice as long as the address.
fn address(name: &[u8], base: &[u8]) -> Option<bool> {
    let is_length = |length: usize| matches!(length, 4 | 16);
    if !is_length(name.len()) || !is_length(base.len() / 2) || !base.len().is_multiple_of(2) {
        return None;
    }
    let (network, mask) = base.split_at(base.len() / 2);
    let mut bytes = name.iter().zip(network).zip(mask);
    let same = bytes.all(|((byte, network), mask)| (byte ^ network) & mask == 0);
    Some(name.len() == network.len() && same)
}

/// `text` without the suffix `end`, which is compared without regard to case; None if the text has another ending.
fn before<'t>(text: &'t [u8], end: &[u8]) -> Option<&'t [u8]> {
    let split = text.len().checked_sub(end.len())?;
    let (rest, own) = text.split_at(split);
    own.eq_ignore_ascii_case(end).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(kind: Kind<'static>, name: &'static [u8], base: &'static [u8]) -> Option<bool> {
        is_within(&General::new(kind, name), &General::new(kind, base))
    }

    #[test]
    fn domains_contain_their_subdomains() {
        for (name, base, expected) in [
            ("good.test", "good.test", Some(true)),
            ("GOOD.test", "good.TEST", Some(true)),
            ("db.good.test", "good.test", Some(true)),
            ("db.good.test", ".good.test", Some(true)),
            ("good.test", ".good.test", Some(false)),
            ("notgood.test", "good.test", Some(false)),
            ("test", "good.test", Some(false)),
            ("good.test", "", Some(true)),
            ("*.good.test", "good.test", Some(true)),
            ("evil.test\0.good.test", "good.test", None),
        ] {
            let found = within(Kind::Dns, name.as_bytes(), base.as_bytes());
            assert_eq!(found, expected, "{name:?} {base:?}");
        }
    }

    #[test]
    fn excluded_domains_match_final_dots_and_wildcards() {
        for (name, base, expected) in [
            ("good.test.", "good.test", true),
            ("*.test", "good.test", true),
            ("*.test.", "good.test", true),
            ("*.test", "db.good.test", false),
            ("*.test", "test", true),
            ("*.good.test", "bad.test", false),
        ] {
            let name = General::new(Kind::Dns, name.as_bytes());
            let base = General::new(Kind::Dns, base.as_bytes());
            assert_eq!(touches(&name, &base), Some(expected), "{name:?} {base:?}");
        }
    }

    #[test]
    fn email_addresses_match_hosts_domains_and_addresses() {
        for (name, base, expected) in [
            ("root@good.test", "good.test", Some(true)),
            ("root@good.test", "root@GOOD.test", Some(true)),
            ("root@good.test", "Root@good.test", Some(false)),
            ("root@good.test", ".test", Some(true)),
            ("root@good.test", "test", Some(false)),
            ("a@b@good.test", "good.test", Some(true)),
            ("good.test", "good.test", None),
        ] {
            let found = within(Kind::Email, name.as_bytes(), base.as_bytes());
            assert_eq!(found, expected, "{name:?} {base:?}");
        }
    }

    #[test]
    fn addresses_match_networks() {
        let local: &[u8] = &[127, 0, 0, 1];
        for (base, expected) in [
            (&[127, 0, 0, 0, 255, 0, 0, 0][..], Some(true)),
            (&[10, 0, 0, 0, 255, 0, 0, 0], Some(false)),
            (&[0; 32], Some(false)),
            (&[127, 0, 0, 0, 255], None),
            (&[], None),
        ] {
            assert_eq!(within(Kind::Address, local, base), expected, "{base:?}");
        }
    }
}
