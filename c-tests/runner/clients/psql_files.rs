//! psql's `\copy`, COPY and large objects.

use std::fs;

use tempfile::TempDir;

use super::{VERSIONS, server_of};
use crate::support::clients::{same, same_psql};

/// A temporary directory.
fn scratch() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

const COPIED: &str = r#"
CREATE TABLE t (id int, name text, data bytea, list int[]);
INSERT INTO t SELECT i, CASE WHEN i % 7 = 0 THEN NULL WHEN i % 5 = 0 THEN '' ELSE E'a\tb\\c\nd\\.e,f"' || i END,
    decode(md5(i::text), 'hex'), ARRAY[i, NULL, -i] FROM generate_series(1, 5000) i;
INSERT INTO t VALUES (0, repeat('ü', 300000), '\x00', '{}');
"#;

#[test]
fn copy_to_files_and_back() {
    for version in VERSIONS {
        for format in ["text", "csv, HEADER", "binary"] {
            let output = same(version, server_of(version), |clients| {
                let directory = scratch();
                let file = directory.path().join("data");
                let path = file.display();
                let script = format!(
                    "{COPIED}
                    \\copy t TO '{path}' WITH (FORMAT {format})
                    CREATE TABLE u (LIKE t);
                    \\copy u FROM '{path}' WITH (FORMAT {format})
                    SELECT count(*) FROM (SELECT * FROM t EXCEPT ALL SELECT * FROM u) d;
                    SELECT count(*) FROM u;"
                );
                let output = clients.psql_with(&[], &script).success();
                let bytes = fs::read(&file).expect("the file psql wrote");
                assert!(bytes.len() > 600_000, "{} bytes", bytes.len());
                let bytes = bytes.escape_ascii();
                format!("{output}{bytes}").replace(&path.to_string(), "FILE")
            });
            assert_eq!(
                output.matches("\nCOPY 5001\n").count(),
                2,
                "{}",
                &output[..400]
            );
            assert!(
                output.contains(" count \n-------\n     0\n"),
                "{}",
                &output[..400]
            );
        }
    }
}

#[test]
fn copy_in_other_ways() {
    const SCRIPT: &str = r#"
CREATE TABLE t (a int, b text);
COPY t FROM STDIN;
1	one
2	\N
3	drei\\ü
\.
COPY t TO STDOUT;
COPY t TO STDOUT WITH (FORMAT csv, FORCE_QUOTE *);
\copy t from stdin with (format csv)
4,'four'
5,
\.
\copy (SELECT a * 2, b FROM t ORDER BY a DESC) to stdout
COPY t FROM STDIN;
6	six
seven	7
\.
SELECT count(*) FROM t;
COPY t TO STDOUT \; SELECT 'between' \; COPY t TO STDOUT;
COPY t FROM STDIN \; SELECT 'after a copy';
8	acht
\.
BEGIN;
COPY missing FROM STDIN;
ROLLBACK;
\copy t from '/nonexistent/file'
\copy t from program 'echo 9; false'
\copy t from program 'printf "10\tten\n"'
\copy t to program 'sort -r'
\copy t to program 'cat >/dev/null; false'
COPY (SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i) TO STDOUT \g '/dev/null'
COPY (SELECT 1 / (50 - i) FROM generate_series(1, 60) i) TO STDOUT;
SELECT count(*) FROM t;
"#;
    for version in VERSIONS {
        let output = same_psql(version, server_of(version), SCRIPT);
        assert!(output.contains("\n3\tdrei\\\\ü\n"), "{output}");
        assert!(
            output.contains("invalid input syntax for type integer: \"seven\""),
            "{output}"
        );
        assert!(output.contains(" after a copy"), "{output}");
    }
}

/// Removes the OIDs of large objects, which differ from run to run.
fn without_oids(output: &str) -> String {
    let lines = output.lines().map(|line| match line.split_once(' ') {
        Some((word @ ("lo_import" | "lo_unlink"), _)) => format!("{word} OID\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn large_objects() {
    let content: Vec<u8> = (0..1_000_000u32)
        .flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_be_bytes())
        .collect();
    for version in VERSIONS {
        let output = same(version, server_of(version), |clients| {
            let directory = scratch();
            let (from, to) = (directory.path().join("from"), directory.path().join("to"));
            fs::write(&from, &content).expect("write the file");
            let script = format!(
                "\\lo_import '{}' 'the comment'
                SELECT count(*), sum(length(data)) FROM pg_largeobject WHERE loid = :LASTOID;
                \\lo_export :LASTOID '{}'
                SELECT lo_creat(-1) AS small \\gset
                \\lo_export :small '{}.empty'
                \\lo_unlink :small
                \\lo_unlink 4294967295
                \\lo_export 4294967295 '/nonexistent/file'
                \\lo_import '/nonexistent/file'
                SELECT obj_description(:LASTOID, 'pg_largeobject');
                BEGIN;
                \\lo_unlink :LASTOID
                ROLLBACK;
                SELECT count(*) FROM pg_largeobject_metadata WHERE oid = :LASTOID;",
                from.display(),
                to.display(),
                to.display()
            );
            let output = clients.psql_with(&[], &script).success();
            assert!(
                fs::read(&to).expect("the exported file") == content,
                "{output}"
            );
            let empty = fs::read(to.with_extension("empty")).expect("the exported empty file");
            assert!(empty.is_empty(), "{output}");
            let path = directory.path().display().to_string();
            without_oids(&output.to_string()).replace(&path, "DIR")
        });
        assert!(output.contains("lo_import OID\n"), "{output}");
        assert!(output.contains(" the comment"), "{output}");
        assert!(output.contains("  1954 | 4000000\n"), "{output}");
        assert!(
            output.contains("\"/nonexistent/file\": No such file or directory"),
            "{output}"
        );
    }
}
