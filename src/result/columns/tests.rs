use super::*;

fn description(names: &[&[u8]]) -> Vec<u8> {
    let mut body = (names.len() as u16).to_be_bytes().to_vec();
    for (index, name) in names.iter().enumerate() {
        body.extend(*name);
        body.push(0);
        body.extend(70_000u32.to_be_bytes());
        body.extend((index as i16 - 1).to_be_bytes());
        body.extend(23u32.to_be_bytes());
        body.extend((-1i16).to_be_bytes());
        body.extend((-1i32).to_be_bytes());
        body.extend((index as u16 % 2).to_be_bytes());
    }
    body
}

fn columns(names: &[&[u8]]) -> Columns {
    Columns::from_row_description(&description(names)).unwrap_or_default()
}

#[test]
fn parses_a_row_description() {
    let columns = columns(&[b"first", b"", b"third"]);
    assert_eq!(columns.len(), 3);
    assert_eq!(columns.name(0), Some(c"first"));
    assert_eq!(columns.name(1), Some(c""));
    assert_eq!(columns.name(2), Some(c"third"));
    assert_eq!(columns.name(3), None);
    let expected = ColumnDesc {
        tableid: 70_000,
        columnid: -1,
        format: 0,
        typid: 23,
        typlen: -1,
        atttypmod: -1,
    };
    assert_eq!(columns.desc(0), Some(&expected));
    assert!(columns.any_binary());
    assert!(!columns.all_binary());
}

#[test]
fn rejects_a_truncated_description() {
    let body = description(&[b"a", b"bc"]);
    for end in 0..body.len() {
        let cut: Box<[u8]> = body[..end].into();
        let error = Columns::from_row_description(&cut).err();
        assert_eq!(error, Some(ColumnsError::InsufficientData));
    }
    let longer = [&body[..], b"x"].concat();
    let error = Columns::from_row_description(&longer).err();
    assert_eq!(error, Some(ColumnsError::LengthMismatch));
}

#[test]
fn a_copy_response_has_formats_only() {
    let body = [1, 0, 2, 0, 1, 0xFF, 0xFF];
    let Ok((overall, columns)) = Columns::from_copy_response(&body) else {
        panic!("refused");
    };
    assert_eq!(overall, 1);
    assert_eq!(columns.desc(0).map(|desc| desc.format), Some(1));
    assert_eq!(columns.desc(1).map(|desc| desc.format), Some(-1));
    assert!(columns.name_ptr(0).is_null());
    for end in 0..body.len() {
        let error = Columns::from_copy_response(&body[..end]).err();
        assert_eq!(error, Some(ColumnsError::InsufficientData));
    }
}

#[test]
fn finds_names_by_the_rules_of_sql() {
    let columns = columns(&[b"plain", b"Mixed", b"say \"hi\"", b"a", b"a", b"fooBARfoo"]);
    let find = |name: &[u8]| columns.find(name, |c| c.to_ascii_lowercase());
    assert_eq!(find(b"plain"), Some(0));
    assert_eq!(find(b"PLAIN"), Some(0));
    assert_eq!(find(b"\"plain\""), Some(0));
    assert_eq!(find(b"\"PLAIN\""), None);
    assert_eq!(find(b"Mixed"), None);
    assert_eq!(find(b"\"Mixed\""), Some(1));
    assert_eq!(find(b"\"say \"\"hi\"\"\""), Some(2));
    assert_eq!(find(b"a"), Some(3));
    assert_eq!(find(b"FOO\"BAR\"foo"), Some(5));
    assert_eq!(find(b""), None);
    assert_eq!(find(b"plai"), None);
    assert_eq!(find(b"plain2"), None);
}

#[test]
fn finds_an_empty_name_in_quotes() {
    let columns = columns(&[b"x", b""]);
    assert_eq!(columns.find(b"\"\"", |c| c), Some(1));
}

#[test]
fn all_binary_needs_columns() {
    assert!(!columns(&[]).all_binary());
    let Ok((_, binary)) = Columns::from_copy_response(&[1, 0, 1, 0, 1]) else {
        panic!("refused");
    };
    assert!(binary.all_binary());
}
