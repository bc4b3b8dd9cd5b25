//! The layer test must report each form of a violation, and nothing else.

use super::{misplaced_unsafe, upward};

#[track_caller]
fn fails(name: &str, text: &str) {
    assert_ne!(
        upward(name, text),
        Vec::<String>::new(),
        "not seen in {name}: {text}"
    );
}

#[track_caller]
fn passes(name: &str, text: &str) {
    assert_eq!(upward(name, text), Vec::<String>::new(), "{name}: {text}");
}

#[test]
fn finds_every_form_of_an_upward_path() {
    fails("net/sys.rs", "use crate::conn;");
    fails("net/sys.rs", "use crate::conn::query::Query;");
    fails("net/sys.rs", "use crate::{mem, conn::query};");
    fails(
        "net/sys.rs",
        "use crate::{mem::{self, arena}, client::{io}};",
    );
    fails("net/sys.rs", "use {std::fmt, crate::conn};");
    fails("net/sys.rs", "pub use super::super::conn::query;");
    fails("net/mod.rs", "use super::conn;");
    fails("net/sys.rs", "use crate::r#conn;");
    fails("net/sys/tests.rs", "use super::super::super::conn;");
    fails(
        "net/sys.rs",
        "mod tests { use super::super::super::client::io; }",
    );
    fails("net/sys.rs", "fn f() { crate::ffi::connect::g(); }");
    fails("net/sys.rs", "fn f(x: &pq::conn::Query) {}");
    fails(
        "net/sys.rs",
        "fn f() { <crate :: conn :: Query as Default>::default(); }",
    );
    fails(
        "net/sys.rs",
        "macro_rules! m { () => { $crate::conn::f() } }",
    );
    fails(
        "net/sys.rs",
        "fn f() { println!(\"{}\", crate::conn::VERSION); }",
    );
}

#[test]
fn finds_other_names_of_the_crate() {
    fails("net/sys.rs", "use crate as c;");
    fails("net/sys.rs", "use crate::{self as c};");
    fails("net/sys.rs", "use super::super as c;");
    fails("net/mod.rs", "use super as c;");
    fails("net/sys.rs", "use crate::*;");
    fails("net/sys.rs", "use crate::{*};");
    fails("net/mod.rs", "use super::*;");
    fails("net/sys.rs", "extern crate self as other;");
    fails("net/sys.rs", "use crate::conninfo;");
    fails("somewhere/new.rs", "");
}

#[test]
fn finds_every_form_of_a_forbidden_name() {
    fails("conn/query.rs", "use std::io;");
    fails("conn/query.rs", "use std::{fmt, io::{self, Read}};");
    fails(
        "conn/query.rs",
        "fn f() { std::net::TcpStream::connect(x); }",
    );
    fails("conn/query.rs", "use std::time::{Duration, Instant};");
    fails("conn/query.rs", "use std::time;");
    fails("conn/query.rs", "use std as s;");
    fails("conn/query.rs", "use std::{self as s};");
    fails("conn/query.rs", "use std::*;");
    fails("conn/query.rs", "fn f() { ::libc::getpid(); }");
    fails("conninfo/uri.rs", "fn f() { std::env::var(\"PGHOST\"); }");
    fails("conninfo/uri.rs", "use std::fs::File;");
    fails("result/store.rs", "use libc;");
    fails("result/store.rs", "extern crate libc as c;");
}

#[test]
fn finds_each_layer() {
    fails("protocol/backend.rs", "use pq::text::encoding;");
    fails("auth/scram.rs", "use crate::mem;");
    fails("mem/arena.rs", "use crate::result;");
    fails("text/escape.rs", "use crate::conninfo::params;");
    fails("conninfo/uri.rs", "use crate::result::status;");
    fails("result/store.rs", "use crate::conn::query;");
    fails("conn/query.rs", "use crate::net::socket;");
    fails("client/io.rs", "use crate::ffi::types;");
    fails("ffi/exec.rs", "use crate::net::sys;");
    fails("ffi/exec.rs", "use crate::conn::query;");
    fails("ffi/exec.rs", "use crate::protocol::frontend;");
    fails("ffi/exec.rs", "use pq_protocol::frontend;");
    fails("mem/arena.rs", "use pq_protocol as p;");
    fails("verify/chain.rs", "use pq_protocol::codes;");
    fails("verify/lib.rs", "extern crate pq as other;");
    fails("goaway-proxy/main.rs", "use pq::client::io;");
    fails("goaway-proxy/tls/files.rs", "use pq::mem;");
}

#[test]
fn accepts_downward_and_other_paths() {
    passes(
        "net/sys.rs",
        "pub(crate) use super::socket::Socket; pub(super) fn f() {} pub(in crate::net) fn g() {}",
    );
    passes(
        "net/sys.rs",
        "use crate::conninfo::hosts; mod tests { use super::*; use super::super::socket; }",
    );
    passes(
        "conn/query.rs",
        "use crate::{protocol::{backend, frontend}, result::builder}; use std::time::Duration;",
    );
    passes(
        "conn/query.rs",
        "// crate::net\nfn f<'a>() -> &'a str { \"crate::net::socket std::io\" }",
    );
    passes(
        "conn/query.rs",
        "//! See [`crate::net`].\n/// [`std::io`]\nfn f() { io::nothing() }",
    );
    passes(
        "ffi/exec.rs",
        "use crate::client::exec; use libc::c_int; use super::ptr;",
    );
    passes("lib.rs", "mod net; pub use crate::ffi::connect;");
    passes(
        "goaway-proxy/main.rs",
        "use pq_protocol::backend; use crate::relay; mod relay;",
    );
    passes(
        "goaway-proxy/tls/files.rs",
        "use super::Front; use crate::wire::Wire; use pq_verify::{Trust, names};",
    );
    passes("verify/lib.rs", "mod chain; use chain::verify;");
    passes(
        "verify/chain.rs",
        "use crate::path::Rules; use super::Refusal;",
    );
    passes(
        "net/tls.rs",
        "use crate::verify::Verifier; use pq_verify as verify;",
    );
}

#[test]
fn finds_unsafe_in_the_wrong_place() {
    for name in [
        "net/socket.rs",
        "conn/query.rs",
        "lib.rs",
        "client/io.rs",
        "ffi.rs",
    ] {
        assert_eq!(
            misplaced_unsafe(name, "fn f() {\n    unsafe { g() }\n}").len(),
            1,
            "{name}"
        );
        assert_eq!(
            misplaced_unsafe(name, "#[unsafe(no_mangle)]").len(),
            1,
            "{name}"
        );
    }
    assert!(misplaced_unsafe("lib.rs", "#![deny(unsafe_op_in_unsafe_fn)]").is_empty());
    let text = "/// unsafe\nconst A: &str = \"it is unsafe\"; // unsafe";
    assert!(misplaced_unsafe("lib.rs", text).is_empty());
    for name in ["ffi/exec.rs", "mem/arena.rs", "net/sys.rs", "net/dl.rs"] {
        assert!(
            misplaced_unsafe(name, "unsafe { g() }").is_empty(),
            "{name}"
        );
    }
}
