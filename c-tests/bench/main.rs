//! The benchmark: this library and C libpq on the same canned streams, run by run in turn.
//!
//! Without arguments it runs everything once in a tiny size and prints no figures: `make test` keeps it working that
//! way. `make bench` passes `report`; see `docs/benchmarks.md` for the other words.

mod figures;
mod measure;
mod replay;
mod report;
mod streams;
#[path = "../runner/support/mod.rs"]
mod support;
mod wishes;
mod workloads;

use std::process::ExitCode;

use figures::Figures;
use measure::{Clients, Cost, check_same};
use replay::Replay;
use support::paths::Lib;
use support::postgres::{Postgres, Version};
use wishes::{Task, Wishes};
use workloads::{WORKLOADS, Workload};

fn main() -> ExitCode {
    // Cargo passes --bench or nothing.
    let words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"));
    let wishes = match Wishes::read(words) {
        Ok(wishes) => wishes,
        Err(error) => {
            eprintln!("bench: {error}");
            return ExitCode::from(2);
        }
    };
    let clients = Clients::build();
    match wishes.task {
        Task::Try => try_once(&clients),
        Task::Serve => serve(&clients, &wishes.workloads),
        Task::Report => measure_all(&clients, &wishes),
        Task::Instructions => count_instructions(&clients, &wishes.workloads),
    }
    ExitCode::SUCCESS
}

fn measure_all(clients: &Clients, wishes: &Wishes) {
    let libs = if wishes.debian15 {
        vec![Lib::Oracle, Lib::Ours, Lib::Debian15]
    } else {
        vec![Lib::Oracle, Lib::Ours]
    };
    let workloads = &wishes.workloads;
    let replayed = replayed(clients, workloads, &libs, wishes.rounds);
    let mut text = report::table(&replayed);
    println!("{text}");
    if wishes.write {
        report::write("replay", &text);
        report::write_chart(&replayed);
    }
    if wishes.servers {
        for (name, conninfo) in [
            ("unix", Postgres::unix as fn(&Postgres, &str) -> String),
            ("tcp", Postgres::tcp),
        ] {
            let server = Postgres::start(Version::Oracle18, "");
            let figures: Vec<Figures> = workloads
                .iter()
                .map(|w| {
                    real(
                        clients,
                        w,
                        &conninfo(&server, "postgres"),
                        &libs,
                        wishes.rounds.div_ceil(2),
                    )
                })
                .collect();
            text = report::short_table(&figures);
            println!("PostgreSQL 18, {name}\n{text}");
            if wishes.write {
                report::write(name, &text);
            }
        }
    }
    if wishes.growth {
        text = growth(clients);
        println!("{text}");
        if wishes.write {
            report::write("growth", &text);
        }
    }
}

/// For profilers: prints each workload's command, and serves until stdin ends.
fn serve(clients: &Clients, workloads: &[Workload]) {
    let replay = Replay::start(workloads);
    for workload in workloads {
        println!("{:?}", clients.words(workload, &replay.unix()));
    }
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}

/// Everything runs and reads the same on both libraries.
fn try_once(clients: &Clients) {
    wishes::check();
    let workloads: Vec<Workload> = WORKLOADS.iter().map(|w| w.scaled(1000)).collect();
    let replay = Replay::start(&workloads);
    for workload in &workloads {
        for conninfo in [replay.unix(), replay.tcp()] {
            let costs = [Lib::Oracle, Lib::Ours].map(|lib| clients.run(lib, workload, &conninfo));
            check_same(workload, &costs);
            assert!(costs.iter().flatten().all(|cost| cost.memory > 0.0));
        }
        if workload.has_floor() {
            clients.run_floor(workload, &replay.socket());
        }
    }
    let small = workloads
        .iter()
        .find(|w| w.name == "small")
        .expect("a short query");
    for lib in [Lib::Oracle, Lib::Ours] {
        let counts = clients.counts(lib, small, &replay.unix());
        assert!(
            counts.instructions > 0.0 && counts.syscalls >= 2.0,
            "{counts:?}"
        );
    }
    println!("the benchmark works: {} workloads", workloads.len());
}

/// For developers: exact on a machine that does other work too.
fn count_instructions(clients: &Clients, workloads: &[Workload]) {
    let libs = [Lib::Oracle, Lib::Ours];
    for workload in workloads {
        let workload = workload.scaled(20);
        let replay = Replay::start(&[workload]);
        let counts = libs.map(|lib| clients.instructions(lib, &workload, &replay.unix()));
        println!("{}", report::instructions(&workload, counts));
    }
}

fn replayed(
    clients: &Clients,
    workloads: &[Workload],
    libs: &[Lib],
    rounds: usize,
) -> Vec<Figures> {
    let replay = Replay::start(workloads);
    let measure = |workload: &Workload| {
        let mut figures = alternate(clients, workload, &replay.unix(), libs, rounds);
        if workload.has_floor() {
            figures.floor = (0..rounds.min(5))
                .map(|_| clients.run_floor(workload, &replay.socket()).cpu)
                .collect();
        }
        let counted = Workload {
            ..workload.scaled(10)
        };
        let replay = Replay::start(&[counted]);
        figures.counts = libs
            .iter()
            .map(|lib| clients.counts(*lib, &counted, &replay.unix()))
            .collect();
        eprintln!("{}", report::line(&figures));
        figures
    };
    workloads.iter().map(measure).collect()
}

fn real(
    clients: &Clients,
    workload: &Workload,
    conninfo: &str,
    libs: &[Lib],
    rounds: usize,
) -> Figures {
    let workload = workload.scaled(4);
    let figures = alternate(clients, &workload, conninfo, libs, rounds);
    eprintln!("{}", report::line(&figures));
    figures
}

/// The libraries in turn, each round in the other order.
fn alternate(
    clients: &Clients,
    workload: &Workload,
    conninfo: &str,
    libs: &[Lib],
    rounds: usize,
) -> Figures {
    let mut figures = Figures::new(*workload, libs.len());
    for round in 0..rounds {
        let mut costs: Vec<Option<Cost>> = vec![None; libs.len()];
        let mut order: Vec<usize> = (0..libs.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            costs[index] = clients.run(libs[index], workload, conninfo);
        }
        check_same(workload, &costs);
        figures.push(&costs);
    }
    figures
}

/// Chunked mode on results of growing size: the cost of a row and the peak memory stay the same.
fn growth(clients: &Clients) -> String {
    let chunked = WORKLOADS
        .iter()
        .find(|w| w.name == "chunked")
        .expect("it is listed");
    let sizes = [1_000_000, 10_000_000, 100_000_000];
    let of = |rows| {
        let mut workload = *chunked;
        workload.shape.rows = rows;
        workload
    };
    let workloads: Vec<Workload> = sizes.map(of).into();
    let replay = Replay::start(&workloads);
    let costs = workloads
        .iter()
        .map(|w| clients.run(Lib::Ours, w, &replay.unix()));
    report::growth(&sizes, &costs.flatten().collect::<Vec<_>>())
}
