//! Compares the names in a server's certificate with the host name, by libpq's rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

const DNS_NAME: u32 = 2;

/// Checks that a name in `certificate` matches `host`. The error has libpq's text.
pub fn check(certificate: &[u8], host: &[u8]) -> Result<(), Vec<u8>> {
    if host.is_empty() {
        return Err(b"host name must be specified for a verified SSL connection".to_vec());
    }
    let mut names = Names::new(host);
    if let Ok((_, parsed)) = X509Certificate::from_der(certificate)
        && names.match_certificate(&parsed)?
    {
        return Ok(());
    }
    Err(names.mismatch())
}

/// The comparison of a certificate's names with one host.
struct Names<'a> {
    host: &'a [u8],
    /// The host if it is an IP address; IPv4 in any notation of inet_aton.
    address: Option<IpAddr>,
    examined: usize,
    /// The first name examined, for the error text.
    first: Option<Vec<u8>>,
}

impl<'a> Names<'a> {
    fn new(host: &'a [u8]) -> Names<'a> {
        Names {
            host,
            address: address(host),
            examined: 0,
            first: None,
        }
    }

    fn match_certificate(&mut self, certificate: &X509Certificate<'_>) -> Result<bool, Vec<u8>> {
        let mut alternatives = Vec::new();
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    alternatives.extend(&names.general_names);
                }
                // If alternative names cannot be parsed, the common name must not count.
                ParsedExtension::ParseError { .. } => return Ok(false),
                _ => {}
            }
        }
        let mut own_kind = false;
        for name in alternatives {
            own_kind |= match name {
                GeneralName::IPAddress(_) => self.address.is_some(),
                GeneralName::DNSName(_) => self.address.is_none(),
                GeneralName::Invalid(tag, _) => tag.0 == DNS_NAME && self.address.is_none(),
                _ => false,
            };
            if self.match_alternative(name)? {
                return Ok(true);
            }
        }
        // libpq: the common name counts if no alternative name is of the host's kind.
        match certificate.subject().iter_common_name().next() {
            Some(name) if !own_kind => self.match_name(name.attr_value().data),
            _ => Ok(false),
        }
    }

    fn match_alternative(&mut self, name: &GeneralName<'_>) -> Result<bool, Vec<u8>> {
        match name {
            GeneralName::DNSName(name) => self.match_name(name.as_bytes()),
            GeneralName::Invalid(tag, name) if tag.0 == DNS_NAME => self.match_name(name),
            GeneralName::IPAddress(bytes) => self.match_address(bytes),
            _ => Ok(false),
        }
    }

    fn match_name(&mut self, name: &[u8]) -> Result<bool, Vec<u8>> {
        self.examined += 1;
        if name.contains(&0) {
            return Err(b"SSL certificate's name contains embedded null".to_vec());
        }
        self.first.get_or_insert_with(|| name.to_vec());
        Ok(name.eq_ignore_ascii_case(self.host) || wildcard_matches(name, self.host))
    }

    fn match_address(&mut self, bytes: &[u8]) -> Result<bool, Vec<u8>> {
        self.examined += 1;
        let address = if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
            IpAddr::from(bytes)
        } else if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
            IpAddr::from(bytes)
        } else {
            let length = bytes.len();
            let text = format!("certificate contains IP address with invalid length {length}");
            return Err(text.into_bytes());
        };
        self.first
            .get_or_insert_with(|| address.to_string().into_bytes());
        Ok(self.address == Some(address))
    }

    /// libpq's error text when no name matches the host.
    fn mismatch(&self) -> Vec<u8> {
        let Some(first) = &self.first else {
            return b"could not get server's host name from server certificate".to_vec();
        };
        let others = match self.examined {
            0 | 1 => String::new(),
            2 => " (and 1 other name)".into(),
            more => format!(" (and {} other names)", more - 1),
        };
        let parts = [
            b"server certificate for \"",
            &first[..],
            b"\"",
            others.as_bytes(),
            b" does not match host name \"",
            self.host,
            b"\"",
        ];
        parts.concat()
    }
}

fn address(host: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(host).ok()?;
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(address.into());
    }
    inet_aton(text).map(IpAddr::from)
}

/// Parses an IPv4 address like inet_aton: one to four numbers; the last one fills the remaining bytes.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let numbers = text.split('.').map(number).collect::<Option<Vec<_>>>()?;
    let (last, first) = numbers.split_last()?;
    let mut bytes = [0; 4];
    let (head, tail) = bytes.split_at_mut_checked(first.len())?;
    for (byte, number) in head.iter_mut().zip(first) {
        *byte = u8::try_from(*number).ok()?;
    }
    let last = last.to_be_bytes();
    let (unused, used) = last.split_at_checked(last.len() - tail.len())?;
    tail.copy_from_slice(used);
    let is_address = !used.is_empty() && unused.iter().all(|byte| *byte == 0);
    is_address.then(|| bytes.into())
}

/// A number in C's notation: decimal, hexadecimal after `0x`, octal after `0`.
fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    // from_str_radix accepts a sign.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = u32::from_str_radix(digits, radix).ok();
    value.filter(|_| is_number)
}

/// libpq's rule, a part of RFC 2818: `*.` at the start matches exactly one label.
fn wildcard_matches(pattern: &[u8], host: &[u8]) -> bool {
    let Some(end) = pattern
        .strip_prefix(b"*")
        .filter(|end| end.starts_with(b"."))
    else {
        return false;
    };
    let Some(split) = host.len().checked_sub(end.len()).filter(|split| *split > 0) else {
        return false;
    };
    let (label, rest) = host.split_at(split);
    end.len() > 1 && rest.eq_ignore_ascii_case(end) && !label.contains(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_matches_one_label() {
        for (pattern, host, expected) in [
            ("*.example.com", "www.example.com", true),
            ("*.EXAMPLE.com", "www.example.COM", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*", "example", false),
            ("*.", "example.", false),
            ("w*.example.com", "www.example.com", false),
            ("www.*.com", "www.example.com", false),
        ] {
            let matched = wildcard_matches(pattern.as_bytes(), host.as_bytes());
            assert_eq!(matched, expected, "{pattern} {host}");
        }
    }

    #[test]
    fn addresses_are_parsed_like_inet_aton() {
        for (text, bytes) in [
            ("127.0.0.1", [127, 0, 0, 1]),
            ("127.1", [127, 0, 0, 1]),
            ("1.2.65535", [1, 2, 255, 255]),
            ("1.16777215", [1, 255, 255, 255]),
            ("4294967295", [255; 4]),
            ("0", [0; 4]),
            ("0x7f.0X1", [127, 0, 0, 1]),
            ("0177.010", [127, 0, 0, 8]),
        ] {
            assert_eq!(address(text.as_bytes()), Some(bytes.into()), "{text}");
        }
        for text in [
            "",
            ".",
            "1.",
            ".1",
            "1..2",
            "1.2.3.4.5",
            "256.1",
            "1.2.3.256",
            "1.2.65536",
            "1.16777216",
            "4294967296",
            "0x",
            "0x+1",
            "+1",
            "-1",
            "08",
            "1a",
            "1 ",
            " 1",
        ] {
            assert_eq!(address(text.as_bytes()), None, "{text}");
        }
        assert_eq!(address(b"::1"), Some(IpAddr::from(Ipv6Addr::LOCALHOST)));
        assert_eq!(address(b"db.example.com"), None);
        assert_eq!(address(b"::1%lo"), None);
    }

    #[test]
    fn names_with_nul_and_odd_addresses_are_errors() {
        let mut names = Names::new(b"good.example");
        let error = names
            .match_name(b"good.example\0.evil.example")
            .unwrap_err();
        assert_eq!(error, b"SSL certificate's name contains embedded null");
        let error = names.match_address(&[1, 2, 3]).unwrap_err();
        assert_eq!(
            error,
            b"certificate contains IP address with invalid length 3"
        );
    }

    #[test]
    fn the_error_text_counts_the_other_names() {
        let mut names = Names::new(b"host.example");
        assert_eq!(
            names.mismatch(),
            b"could not get server's host name from server certificate"
        );
        for (name, others) in [
            ("a.example", ""),
            ("b.example", " (and 1 other name)"),
            ("c.example", " (and 2 other names)"),
        ] {
            assert_eq!(names.match_name(name.as_bytes()), Ok(false));
            let expected = format!(
                "server certificate for \"a.example\"{others} does not match host name \"host.example\""
            );
            assert_eq!(names.mismatch(), expected.into_bytes());
        }
    }
}
