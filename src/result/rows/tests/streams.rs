//! Many rows at once.

use super::*;

/// DataRow messages, some of which are not valid.
fn stream(seed: &mut u64, columns: u16, messages: usize) -> Vec<Vec<u8>> {
    let mut next = |limit: u64| {
        *seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (*seed >> 33) % limit
    };
    let mut message = || {
        let mut body = columns.to_be_bytes().to_vec();
        for _ in 0..columns {
            let length = [8, next(3), next(40), next(400), next(3000)][next(5) as usize];
            match next(6) {
                0 => body.extend((-1i32).to_be_bytes()),
                _ => {
                    body.extend((length as u32).to_be_bytes());
                    body.extend((0..length).map(|at| at as u8 | 1));
                }
            }
        }
        match next(40) {
            0 => body.push(0),
            1 => drop(body.pop()),
            2 => body[1] ^= 1,
            _ => {}
        }
        [b"D", &(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()
    };
    (0..messages).map(|_| message()).collect()
}

#[test]
fn many_rows_at_once_are_the_same_rows() {
    let mut seed = 1;
    for columns in [0, 1, 2, 5, 30] {
        for form in FORMS {
            let count = if cfg!(miri) { 60 } else { 400 };
            let messages = stream(&mut seed, columns, count);
            let mut one_by_one = rows(columns.into(), form);
            let mut at_once = rows(columns.into(), form);
            let expected: Vec<_> = messages
                .iter()
                .map(|m| push_data_row(&mut one_by_one, &m[5..]))
                .collect();
            let bytes = messages.concat();
            let mut done = 0;
            let mut batches = 0;
            while done < messages.len() {
                let from: usize = messages[..done].iter().map(Vec::len).sum();
                // A stream may end anywhere.
                let end = bytes.len() - (done * 7) % 90;
                let taken = push_data_rows(&mut at_once, &bytes[from.min(end)..end], 1 + done % 50);
                let mut left = taken;
                while left > 0 {
                    assert_eq!(expected[done], Ok(()));
                    left -= messages[done].len();
                    done += 1;
                }
                batches += usize::from(taken > 0);
                if let Some(message) = messages.get(done) {
                    assert_eq!(push_data_row(&mut at_once, &message[5..]), expected[done]);
                    done += 1;
                }
            }
            assert!(batches > count / 40);
            assert_eq!(one_by_one.len(), at_once.len());
            for row in 0..one_by_one.len() {
                let values = (0..columns).map(|c| one_by_one.bytes(row, c.into()).unwrap());
                check(&at_once, row, &values.collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn a_stream_of_other_messages_adds_no_row() {
    let mut rows = rows(1, Form::Whole);
    push_data_row(&mut rows, &body(&[Some(b"x")])).unwrap();
    for stream in [
        &b""[..],
        b"D",
        b"D\0\0\0\x04",
        b"D\0\0\0\0\0\x01",
        b"D\xff\xff\xff\xff\0\x01",
        b"C\0\0\0\x0b\0\x01\0\0\0\x01y",
    ] {
        assert_eq!(push_data_rows(&mut rows, stream, usize::MAX), 0);
    }
    assert_eq!(
        push_data_rows(&mut rows, b"D\0\0\0\x0b\0\x01\0\0\0\x01y", 0),
        0
    );
    assert_eq!(
        push_data_rows(&mut rows, b"D\0\0\0\x0b\0\x01\0\0\0\x01yD", 2),
        12
    );
    check(&rows, 1, &[Some(b"y")]);
}
