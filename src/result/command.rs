//! Parses command tags: the number of rows affected, and the OID of an inserted row.

use super::store::PgResult;
use std::ffi::CStr;

/// The tag of a command that counts rows has no valid count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uninterpretable;

impl PgResult {
    /// The digits of the number of rows affected, a part of the tag; empty for commands that do not count rows.
    pub fn cmd_tuples(&self) -> Result<&CStr, Uninterpretable> {
        let tag = self.cmd_status();
        let Some(skipped) = count_position(tag.to_bytes())? else {
            return Ok(c"");
        };
        let count = CStr::from_bytes_with_nul(&tag.to_bytes_with_nul()[skipped..]);
        let digits = count.map_err(|_| Uninterpretable)?;
        if digits.is_empty() || !digits.to_bytes().iter().all(u8::is_ascii_digit) {
            return Err(Uninterpretable);
        }
        Ok(digits)
    }

    /// The digits of the inserted row's OID; empty if the command was not an INSERT.
    pub fn oid_digits(&self) -> &[u8] {
        let Some(rest) = self.cmd_status().to_bytes().strip_prefix(b"INSERT ") else {
            return b"";
        };
        let end = rest.iter().position(|c| !c.is_ascii_digit());
        &rest[..end.unwrap_or(rest.len())]
    }

    /// The inserted row's OID; 0 if there is none.
    pub fn oid_value(&self) -> u32 {
        let digits = self.oid_digits();
        let tag = self.cmd_status().to_bytes();
        let behind = tag.get(b"INSERT ".len() + digits.len());
        if digits.is_empty() || !matches!(behind, None | Some(b' ')) {
            return 0;
        }
        // libpq: strtoul, which saturates, and then truncation to 32 bits.
        digits.iter().fold(0u64, |oid, digit| {
            oid.saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        }) as u32
    }
}

/// Where the count begins in the tag of a command that counts rows.
fn count_position(tag: &[u8]) -> Result<Option<usize>, Uninterpretable> {
    const COUNTING: [&[u8]; 7] = [
        b"SELECT ", b"DELETE ", b"UPDATE ", b"FETCH ", b"MERGE ", b"MOVE ", b"COPY ",
    ];
    if let Some(rest) = tag.strip_prefix(b"INSERT ") {
        let blank = rest.iter().position(|&c| c == b' ');
        let blank = blank.ok_or(Uninterpretable)?;
        return Ok(Some(b"INSERT ".len() + blank + 1));
    }
    let counting = COUNTING.iter().find(|command| tag.starts_with(command));
    Ok(counting.map(|command| command.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::rows::Layout;
    use crate::result::status::Status;
    use crate::result::store::PgResultBox;

    fn tagged(tag: &str) -> PgResultBox {
        let mut result = PgResult::new(Status::CommandOk, 6, Layout::Compact).unwrap();
        result.set_command_tag(tag.as_bytes());
        result
    }

    #[test]
    fn counts_of_rows() {
        for (tag, count) in [
            ("INSERT 0 5", "5"),
            ("INSERT 12345 1", "1"),
            ("SELECT 100", "100"),
            ("UPDATE 0", "0"),
            ("DELETE 7", "7"),
            ("MERGE 8", "8"),
            ("FETCH 9", "9"),
            ("MOVE 10", "10"),
            ("COPY 18446744073709551615", "18446744073709551615"),
            ("CREATE TABLE", ""),
            ("SELECT", ""),
            ("", ""),
            ("select 1", ""),
        ] {
            let result = tagged(tag);
            let found = result.cmd_tuples().map(|count| count.to_bytes());
            assert_eq!(found, Ok(count.as_bytes()), "{tag}");
        }
    }

    #[test]
    fn invalid_counts() {
        for tag in [
            "INSERT 0",
            "INSERT 0 ",
            "INSERT  x",
            "SELECT ",
            "SELECT 1 ",
            "SELECT -1",
            "COPY x",
        ] {
            assert_eq!(tagged(tag).cmd_tuples(), Err(Uninterpretable), "{tag}");
        }
    }

    #[test]
    fn oids() {
        for (tag, digits, oid) in [
            ("INSERT 0 1", "0", 0),
            ("INSERT 4294967295 1", "4294967295", u32::MAX),
            ("INSERT 4294967297 1", "4294967297", 1),
            (
                "INSERT 99999999999999999999 1",
                "99999999999999999999",
                u32::MAX,
            ),
            ("INSERT 17", "17", 17),
            ("INSERT 17x 1", "17", 0),
            ("INSERT  1", "", 0),
            ("INSERT", "", 0),
            ("UPDATE 17", "", 0),
        ] {
            let result = tagged(tag);
            assert_eq!(result.oid_digits(), digits.as_bytes(), "{tag}");
            assert_eq!(result.oid_value(), oid, "{tag}");
        }
    }
}
