//! The second attempt, without the key, uses the TCP socket of the first again, or the descriptor number of its Unix-domain
//! socket, because the application may have registered the socket or stored the number.

use super::{WAYS, answer, expect_asking, expect_not_asking};
use crate::support::interpose;
use crate::support::message::fatal;
use crate::support::paths::Lib;
use crate::support::program::{Headers, Program};
use crate::support::script::{Connection, Script, Server, welcome};

/// A server that refuses the key in the way of `refuse` and accepts the connection without it.
fn breaking(refuse: fn(&mut Connection)) -> Script {
    let script = Script::new().connection(move |c| {
        expect_asking(c);
        refuse(c);
    });
    script.connection(|c| {
        expect_not_asking(c);
        c.send(&welcome());
        answer(c);
        c.expect_terminate();
    })
}

fn refuse(c: &mut Connection) {
    c.send(&fatal("08P01", "unsupported startup parameter"));
    c.drain();
}

fn close(_: &mut Connection) {}

#[track_caller]
fn run(conninfo: &str, way: &str, env: &[(&str, &str)]) -> String {
    let program = Program::with_headers("descriptor", Headers::Ours);
    let output = program.run(Lib::Ours, &[conninfo, way], env);
    output.success().stdout
}

#[track_caller]
fn connects(server: Server, conninfo: &str, way: &str) -> String {
    connects_with(server, conninfo, way, &[])
}

#[track_caller]
fn connects_with(server: Server, conninfo: &str, way: &str, env: &[(&str, &str)]) -> String {
    let output = run(conninfo, way, env);
    server.finish();
    assert!(output.contains("status=0"), "{way}: {output}");
    assert!(output.contains("close-on-exec=1"), "{way}: {output}");
    assert!(output.contains("SELECT 1"), "{way}: {output}");
    let left = "descriptors left open: 0\n";
    assert!(output.ends_with(left), "{way}: {output}");
    output
}

#[test]
fn a_program_that_keeps_the_descriptor_number_can_poll_it() {
    for refusal in [refuse, close] {
        for start in WAYS {
            let server = start(breaking(refusal));
            let conninfo = server.tcp();
            let output = connects(server, &conninfo, "poll");
            assert!(output.contains("same=1"), "{output}");
        }
        let server = breaking(refusal).start();
        let conninfo = server.unix();
        let output = connects(server, &conninfo, "poll");
        assert!(output.contains("same=1"), "{output}");
    }
}

/// A TCP socket is used again, so that epoll, which watches sockets and not numbers, continues to watch it.
#[test]
fn a_program_that_registers_with_epoll_once_continues_over_tcp() {
    for refusal in [refuse, close] {
        for start in WAYS {
            for way in ["once", "epoll"] {
                let server = start(breaking(refusal));
                let conninfo = server.tcp();
                let output = connects(server, &conninfo, way);
                assert!(output.contains("same=1"), "{output}");
                assert!(output.starts_with("times: 0\n"), "{output}");
            }
        }
    }
}

/// Where a preloaded library handles TCP, the first socket is closed, as libpq does between two attempts.
#[test]
fn a_library_that_cannot_connect_a_tcp_socket_again_sees_it_closed() {
    let library = interpose::library("tcp_by_descriptor");
    let cases = [
        "no_disconnect",
        "ignored_disconnect",
        "no_connect",
        "ignored_connect",
    ];
    for case in cases {
        for refusal in [refuse, close] {
            for start in WAYS {
                let server = start(breaking(refusal));
                let conninfo = server.tcp();
                let env = [("LD_PRELOAD", &*library), ("TCP_AGAIN", case)];
                connects_with(server, &conninfo, "blocking", &env);
            }
        }
    }
}

/// As when libpq tries another address: epoll forgets a closed Unix-domain socket, even if another gets its number.
#[test]
fn a_program_that_registers_again_with_epoll_continues_over_unix_sockets() {
    for refusal in [refuse, close] {
        let server = breaking(refusal).start();
        let conninfo = server.unix();
        let output = connects(server, &conninfo, "epoll");
        assert!(output.contains("same=1"), "{output}");
        assert!(output.contains("forgotten: ENOENT\ntimes: 1\n"), "{output}");
    }
}

/// The remaining limitation: a program that registers the first Unix-domain socket and never registers again does not learn
/// of the second.
#[test]
fn a_program_that_registers_a_unix_socket_with_epoll_once_waits_forever() {
    let script = Script::new().connection(|c| {
        expect_asking(c);
        refuse(c);
    });
    let script = script.connection(|c| c.drain());
    let server = script.start();
    let output = run(&server.unix(), "once", &[]);
    server.finish();
    assert!(output.starts_with("nothing comes\n"), "{output}");
    let script = Script::new().connection(|c| {
        expect_not_asking(c);
        c.send(&welcome());
        answer(c);
        c.expect_terminate();
    });
    let server = script.start();
    let conninfo = format!("{} goaway=disable", server.unix());
    connects(server, &conninfo, "once");
}

#[test]
fn one_free_descriptor_is_enough_for_the_second_attempt() {
    for address in [Server::tcp, Server::unix] {
        let server = breaking(refuse).start();
        let conninfo = address(&server);
        connects(server, &conninfo, "limit");
    }
}

#[test]
fn no_descriptor_leaks_when_the_second_attempt_fails() {
    for refusal in [refuse, close] {
        let script = Script::new().connection(move |c| {
            expect_asking(c);
            refusal(c);
        });
        let script = script.connection(refusal);
        let server = script.start();
        let output = run(&server.tcp(), "blocking", &[]);
        assert!(output.starts_with("not connected\n"), "{output}");
        assert!(output.ends_with("descriptors left open: 0\n"), "{output}");
        server.finish();
    }
}
