//! Checks the syntax of GeneralNames (RFC 5280, 4.2.1.6).

use super::{bits, is_name, number, object, object_number};
use crate::der::{
    BIT_STRING, BMP, BOOLEAN, ENUMERATED, Element, INTEGER, NULL, OBJECT, PRINTABLE, SEQUENCE, SET,
    T61, UNIVERSAL, UTF8, elements, one,
};

/// The bits of a tag that give its class, and the bit of a constructed element.
const CLASS: u8 = 0xc0;
const CONSTRUCTED: u8 = 0x20;

/// Whether `contents` are the contents of GeneralNames.
pub fn are_names(contents: &[u8]) -> bool {
    elements(contents).is_some_and(|names| names.iter().all(is_general))
}

/// Whether `element` is a GeneralName.
pub fn is_general(element: &Element<'_>) -> bool {
    let data = element.data;
    match element.tag {
        0xa0 => other(data).is_some(),
        // rfc822Name, dNSName, uniformResourceIdentifier, iPAddress. OpenSSL: any bytes.
        0x81 | 0x82 | 0x86 | 0x87 => true,
        // x400Address. OpenSSL: does not parse it.
        0xa3 => true,
        0xa4 => is_name(data),
        0xa5 => party(data).is_some(),
        0x88 => object_number(data).is_some(),
        _ => false,
    }
}

/// OtherName: an OID, and a value of any type.
fn other(contents: &[u8]) -> Option<()> {
    let parts = elements(contents)?;
    let [id, value] = &parts[..] else {
        return None;
    };
    object(id)?;
    any(&one(value.of(0xa0)?)?)
}

/// EDIPartyName: the name's assigner is optional.
fn party(contents: &[u8]) -> Option<()> {
    let parts = elements(contents)?;
    let name = match &parts[..] {
        [name] => name,
        [assigner, name] => {
            directory_string(&one(assigner.of(0xa0)?)?)?;
            name
        }
        _ => return None,
    };
    directory_string(&one(name.of(0xa1)?)?)
}

fn directory_string(element: &Element<'_>) -> Option<()> {
    matches!(element.tag, PRINTABLE | T61 | UTF8 | BMP | UNIVERSAL).then_some(())?;
    any(element)
}

/// A value of any type, such as the parameters of an algorithm. OpenSSL: does not parse the parts of a SEQUENCE or SET, and
/// no types of another class.
pub fn any(element: &Element<'_>) -> Option<()> {
    let data = element.data;
    match element.tag {
        BOOLEAN => (data.len() == 1).then_some(()),
        INTEGER | ENUMERATED => number(data),
        BIT_STRING => bits(data),
        NULL => data.is_empty().then_some(()),
        OBJECT => object(element),
        BMP => data.len().is_multiple_of(2).then_some(()),
        UNIVERSAL => data.len().is_multiple_of(4).then_some(()),
        SEQUENCE | SET => Some(()),
        // An end of contents, a primitive SEQUENCE or SET, or a string in parts.
        0 | 0x10 | 0x11 => None,
        tag if tag & CLASS == 0 && tag & CONSTRUCTED != 0 => None,
        _ => Some(()),
    }
}
