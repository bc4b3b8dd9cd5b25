use super::*;

/// The entries of `array` that have a value, then the array is released.
fn values(array: *mut PQconninfoOption) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for place in 0..COUNT {
        // SAFETY: the array has COUNT entries and one more.
        let entry = unsafe { &*array.add(place) };
        // SAFETY: the entry's strings are NUL-terminated or NULL.
        let text = |text: *mut c_char| unsafe { pointer::text(text) };
        let text = |pointer| text(pointer).map(|text| String::from_utf8(text.to_vec()).unwrap());
        assert_eq!(
            text(entry.keyword).unwrap().as_bytes(),
            Opt::ALL[place].keyword()
        );
        assert!(
            text(entry.label).is_some() && text(entry.dispchar).is_some() && entry.dispsize > 0
        );
        values.extend(text(entry.val).map(|value| (text(entry.keyword).unwrap(), value)));
    }
    // SAFETY: as above; this is the entry that ends the array.
    let last = unsafe { &*array.add(COUNT) };
    let pointers = [
        last.keyword,
        last.envvar,
        last.compiled,
        last.val,
        last.label,
        last.dispchar,
    ];
    assert!(pointers.iter().all(|pointer| pointer.is_null()) && last.dispsize == 0);
    // SAFETY: the array is whole and not used again.
    unsafe { PQconninfoFree(array) };
    values
}

#[test]
fn parses_a_connection_string_to_an_array() {
    let mut message = ptr::dangling_mut();
    // SAFETY: a C string and a pointer to write to.
    let array = unsafe { PQconninfoParse(c"port=1 host=''".as_ptr(), &mut message) };
    assert!(message.is_null());
    let expected = [
        ("host".to_owned(), String::new()),
        ("port".to_owned(), "1".to_owned()),
    ];
    assert_eq!(values(array), expected);
}

#[test]
fn error_messages_end_with_a_newline() {
    let mut message = ptr::null_mut();
    // SAFETY: a C string and a pointer to write to.
    let array = unsafe { PQconninfoParse(c"uzer=1".as_ptr(), &mut message) };
    assert!(array.is_null());
    // SAFETY: the message is a C string from malloc, released once.
    unsafe {
        assert_eq!(
            CStr::from_ptr(message),
            c"invalid connection option \"uzer\"\n"
        );
        alloc::free(message.cast());
    }
}

#[test]
fn accepts_null_pointers() {
    // SAFETY: NULL is allowed for both arguments.
    unsafe {
        assert!(PQconninfoParse(c"uzer=1".as_ptr(), ptr::null_mut()).is_null());
        assert!(values(PQconninfoParse(ptr::null(), ptr::null_mut())).is_empty());
        PQconninfoFree(ptr::null_mut());
    }
}

#[test]
fn defaults_include_the_port() {
    let values = values(PQconndefaults());
    assert!(values.iter().any(|(keyword, _)| keyword == "port"));
    assert!(
        values
            .iter()
            .all(|(keyword, _)| keyword != "goaway" || env::variable("PGGOAWAY").is_some())
    );
}
