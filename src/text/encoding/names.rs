//! The names of encodings: libpq's own, its aliases, and those of locales.

use std::ffi::CStr;

use super::*;

/// libpq's names by number.
const NAMES: [&CStr; 42] = [
    c"SQL_ASCII",
    c"EUC_JP",
    c"EUC_CN",
    c"EUC_KR",
    c"EUC_TW",
    c"EUC_JIS_2004",
    c"UTF8",
    c"",
    c"LATIN1",
    c"LATIN2",
    c"LATIN3",
    c"LATIN4",
    c"LATIN5",
    c"LATIN6",
    c"LATIN7",
    c"LATIN8",
    c"LATIN9",
    c"LATIN10",
    c"WIN1256",
    c"WIN1258",
    c"WIN866",
    c"WIN874",
    c"KOI8R",
    c"WIN1251",
    c"WIN1252",
    c"ISO_8859_5",
    c"ISO_8859_6",
    c"ISO_8859_7",
    c"ISO_8859_8",
    c"WIN1250",
    c"WIN1253",
    c"WIN1254",
    c"WIN1255",
    c"WIN1257",
    c"KOI8U",
    c"SJIS",
    c"BIG5",
    c"GBK",
    c"UHC",
    c"GB18030",
    c"JOHAB",
    c"SHIFT_JIS_2004",
];

/// libpq: a name of this length, the limit of server identifiers, is not looked up.
const NAME_LIMIT: usize = 64;

/// libpq's name of `encoding`; empty if it has none.
pub fn to_name(encoding: i32) -> &'static CStr {
    let index = usize::try_from(encoding).unwrap_or(usize::MAX);
    NAMES.get(index).copied().unwrap_or(c"")
}

/// The encoding with the name or alias `name`. Case, and all characters except letters and digits, are ignored.
pub fn from_name(name: &[u8]) -> Option<i32> {
    if name.len() >= NAME_LIMIT {
        return None;
    }
    let letters = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let key: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
    from_key(&key)
}

fn from_key(key: &[u8]) -> Option<i32> {
    Some(match key {
        b"sqlascii" => SQL_ASCII,
        b"eucjp" => EUC_JP,
        b"euccn" => EUC_CN,
        b"euckr" => EUC_KR,
        b"euctw" => EUC_TW,
        b"eucjis2004" => EUC_JIS_2004,
        b"utf8" | b"unicode" => UTF8,
        b"latin1" | b"iso88591" => LATIN1,
        b"latin2" | b"iso88592" => LATIN2,
        b"latin3" | b"iso88593" => LATIN3,
        b"latin4" | b"iso88594" => LATIN4,
        b"latin5" | b"iso88599" => LATIN5,
        b"latin6" | b"iso885910" => LATIN6,
        b"latin7" | b"iso885913" => LATIN7,
        b"latin8" | b"iso885914" => LATIN8,
        b"latin9" | b"iso885915" => LATIN9,
        b"latin10" | b"iso885916" => LATIN10,
        b"iso88595" => ISO_8859_5,
        b"iso88596" => ISO_8859_6,
        b"iso88597" => ISO_8859_7,
        b"iso88598" => ISO_8859_8,
        b"koi8r" | b"koi8" => KOI8R,
        b"koi8u" => KOI8U,
        b"win866" | b"windows866" | b"alt" => WIN866,
        b"win874" | b"windows874" => WIN874,
        b"win1250" | b"windows1250" => WIN1250,
        b"win1251" | b"windows1251" | b"win" => WIN1251,
        b"win1252" | b"windows1252" => WIN1252,
        b"win1253" | b"windows1253" => WIN1253,
        b"win1254" | b"windows1254" => WIN1254,
        b"win1255" | b"windows1255" => WIN1255,
        b"win1256" | b"windows1256" => WIN1256,
        b"win1257" | b"windows1257" => WIN1257,
        b"win1258" | b"windows1258" | b"abc" | b"tcvn" | b"tcvn5712" | b"vscii" => WIN1258,
        b"sjis" | b"shiftjis" | b"mskanji" | b"win932" | b"windows932" => SJIS,
        b"shiftjis2004" => SHIFT_JIS_2004,
        b"big5" | b"win950" | b"windows950" => BIG5,
        b"gbk" | b"win936" | b"windows936" => GBK,
        b"uhc" | b"win949" | b"windows949" => UHC,
        b"gb18030" => GB18030,
        b"johab" => JOHAB,
        _ => return None,
    })
}

/// The names that systems use for the codesets of locales.
const CODESETS: [(i32, &[&str]); 40] = [
    (SQL_ASCII, &["US-ASCII"]),
    (
        EUC_JP,
        &["EUC-JP", "eucJP", "IBM-eucJP", "sdeckanji", "CP20932"],
    ),
    (
        EUC_CN,
        &[
            "EUC-CN",
            "eucCN",
            "IBM-eucCN",
            "GB2312",
            "dechanzi",
            "CP20936",
        ],
    ),
    (
        EUC_KR,
        &[
            "EUC-KR",
            "eucKR",
            "IBM-eucKR",
            "deckorean",
            "5601",
            "CP51949",
        ],
    ),
    (EUC_TW, &["EUC-TW", "eucTW", "IBM-eucTW", "cns11643"]),
    (UTF8, &["UTF-8", "utf8", "CP65001"]),
    (LATIN1, &["ISO-8859-1", "ISO8859-1", "iso88591", "CP28591"]),
    (LATIN2, &["ISO-8859-2", "ISO8859-2", "iso88592", "CP28592"]),
    (LATIN3, &["ISO-8859-3", "ISO8859-3", "iso88593", "CP28593"]),
    (LATIN4, &["ISO-8859-4", "ISO8859-4", "iso88594", "CP28594"]),
    (LATIN5, &["ISO-8859-9", "ISO8859-9", "iso88599", "CP28599"]),
    (LATIN6, &["ISO-8859-10", "ISO8859-10", "iso885910"]),
    (LATIN7, &["ISO-8859-13", "ISO8859-13", "iso885913"]),
    (LATIN8, &["ISO-8859-14", "ISO8859-14", "iso885914"]),
    (
        LATIN9,
        &["ISO-8859-15", "ISO8859-15", "iso885915", "CP28605"],
    ),
    (LATIN10, &["ISO-8859-16", "ISO8859-16", "iso885916"]),
    (KOI8R, &["KOI8-R", "CP20866"]),
    (KOI8U, &["KOI8-U", "CP21866"]),
    (WIN866, &["CP866"]),
    (WIN874, &["CP874"]),
    (WIN1250, &["CP1250"]),
    (WIN1251, &["CP1251", "ansi-1251"]),
    (WIN1252, &["CP1252"]),
    (WIN1253, &["CP1253"]),
    (WIN1254, &["CP1254"]),
    (WIN1255, &["CP1255"]),
    (WIN1256, &["CP1256"]),
    (WIN1257, &["CP1257"]),
    (WIN1258, &["CP1258"]),
    (
        ISO_8859_5,
        &["ISO-8859-5", "ISO8859-5", "iso88595", "CP28595"],
    ),
    (
        ISO_8859_6,
        &["ISO-8859-6", "ISO8859-6", "iso88596", "CP28596"],
    ),
    (
        ISO_8859_7,
        &["ISO-8859-7", "ISO8859-7", "iso88597", "CP28597"],
    ),
    (
        ISO_8859_8,
        &["ISO-8859-8", "ISO8859-8", "iso88598", "CP28598"],
    ),
    (SJIS, &["SJIS", "PCK", "CP932", "SHIFT_JIS"]),
    (BIG5, &["BIG5", "BIG5HKSCS", "Big5-HKSCS", "CP950"]),
    (GBK, &["GBK", "CP936"]),
    (UHC, &["UHC", "CP949"]),
    (GB18030, &["GB18030", "CP54936"]),
    (JOHAB, &["JOHAB", "CP1361"]),
    (SHIFT_JIS_2004, &["SJIS_2004"]),
];

/// The encoding of a locale with the codeset (`nl_langinfo(CODESET)`) `codeset`.
pub fn from_codeset(codeset: &[u8]) -> Option<i32> {
    let is_called = |name: &&str| name.as_bytes().eq_ignore_ascii_case(codeset);
    let mut known = CODESETS.iter();
    let (encoding, _) = known.find(|(_, names)| names.iter().any(is_called))?;
    Some(*encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_number() {
        for encoding in (0..42).filter(|&id| is_valid(id)) {
            let name = to_name(encoding).to_bytes();
            assert_eq!(from_name(name), Some(encoding), "{name:?}");
            assert_eq!(from_name(&name.to_ascii_lowercase()), Some(encoding));
        }
    }

    #[test]
    fn numbers_without_an_encoding_have_no_name() {
        for encoding in [7, 42, -1, i32::MIN, i32::MAX] {
            assert_eq!(to_name(encoding), c"");
        }
    }

    #[test]
    fn case_and_punctuation_do_not_matter() {
        for (name, encoding) in [
            ("utf-8", UTF8),
            ("Unicode", UTF8),
            (" U.T.F 8 ", UTF8),
            ("ISO_8859-1", LATIN1),
            ("iso-8859-16", LATIN10),
            ("Windows-1251", WIN1251),
            ("WIN", WIN1251),
            ("Shift_JIS", SJIS),
            ("shift-jis-2004", SHIFT_JIS_2004),
            ("KOI8", KOI8R),
            ("TCVN-5712", WIN1258),
            ("ALT", WIN866),
        ] {
            assert_eq!(from_name(name.as_bytes()), Some(encoding), "{name}");
        }
    }

    #[test]
    fn unknown_names() {
        for name in [
            "",
            "-",
            "utf",
            "utf88",
            "mule_internal",
            "latin11",
            "üutf8x",
        ] {
            assert_eq!(from_name(name.as_bytes()), None, "{name}");
        }
        let padded = |dashes: usize| from_name(&[b"utf8", &b"-".repeat(dashes)[..]].concat());
        assert_eq!(padded(59), Some(UTF8));
        assert_eq!(padded(60), None);
    }

    #[test]
    fn codesets_of_locales() {
        assert_eq!(from_codeset(b"UTF-8"), Some(UTF8));
        assert_eq!(from_codeset(b"ANSI_X3.4-1968"), None);
        assert_eq!(from_codeset(b"iso-8859-15"), Some(LATIN9));
        assert_eq!(from_codeset(b"sjis_2004"), Some(SHIFT_JIS_2004));
        assert_eq!(from_codeset(b"big5-hkscs"), Some(BIG5));
        assert_eq!(from_codeset(b""), None);
    }
}
