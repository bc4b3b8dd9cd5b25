//! The benchmark: this library and C libpq process the same canned streams, in alternating runs.
//!
//! Without arguments it runs everything once in a tiny size and prints no figures; `make test` uses this to check
//! that it works. `make bench` passes `report`; `docs/benchmarks.md` describes the other words.

mod args;
mod chart;
mod cpu;
mod figures;
mod measure;
mod page;
mod replay;
mod report;
mod runs;
mod servers;
mod streams;
#[path = "../runner/support/mod.rs"]
mod support;
mod workloads;

use std::process::ExitCode;

use args::{Args, Task};
use figures::Figures;
use measure::{Clients, check_same};
use replay::Replay;
use runs::Runs;
use servers::Server;
use support::paths::Lib;
use workloads::{HANDSHAKES, WORKLOADS, Workload};

fn main() -> ExitCode {
    // Cargo passes --bench or nothing.
    let words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"));
    let args = match Args::read(words) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("bench: {error}");
            return ExitCode::from(2);
        }
    };
    if args.task == Task::Report {
        cpu::stay_on_one();
    }
    let clients = Clients::build();
    match args.task {
        Task::Try => try_once(&clients),
        Task::Serve => serve(&clients, &args.workloads),
        Task::Report => measure_all(&clients, &args),
        Task::Instructions => runs::count_instructions(&clients, &args.workloads),
    }
    ExitCode::SUCCESS
}

/// The maximum number of rounds on a real server, which is slow.
const MOST_ON_SERVERS: usize = 5;

fn measure_all(clients: &Clients, args: &Args) {
    let libs: &[Lib] = if args.debian15 {
        &[Lib::Oracle, Lib::Ours, Lib::Debian15]
    } else {
        &[Lib::Oracle, Lib::Ours]
    };
    let runs = Runs {
        clients,
        libs,
        rounds: args.rounds,
        warm: !args.cold,
    };
    let print = |part: &str, title: &str, table: &str| {
        println!("{title}\n{table}");
        if args.write {
            page::write("docs/benchmarks.md", part, table);
        }
    };
    if !args.workloads.is_empty() {
        let figures = runs.replayed(&args.workloads);
        print("replay", "Canned streams", &report::table(&figures));
        if args.write {
            page::write("README.md", "benchmarks", &report::summary(&figures));
            page::write_file("docs/benchmarks.svg", &chart::draw(&figures));
        }
    }
    if args.servers {
        let server = Server::start();
        let runs = Runs {
            rounds: args.rounds.min(MOST_ON_SERVERS),
            ..runs
        };
        let ways = server.ways();
        let ways = ways.iter().filter(|_| !args.workloads.is_empty());
        for way in ways {
            let figures = runs.real(&args.workloads, &way.conninfo);
            print(way.part, way.title, &report::short_table(&figures));
        }
        let figures = runs.real(HANDSHAKES, &server.verified());
        print("handshakes", "Handshakes", &report::short_table(&figures));
    }
    if args.growth {
        print("growth", "Growth", &runs::growth(clients));
    }
}

/// For profilers: prints each workload's command, and serves until stdin ends.
fn serve(clients: &Clients, workloads: &[Workload]) {
    let replay = Replay::start(workloads);
    for workload in workloads {
        println!("{:?}", clients.words(workload, &replay.way(workload)));
    }
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}

/// Checks that everything runs, reads the same data with all libraries, and that the pages have places for the
/// figures.
fn try_once(clients: &Clients) {
    args::check();
    figures::check();
    let workloads: Vec<Workload> = WORKLOADS.iter().map(|w| w.scaled(1000)).collect();
    let replay = Replay::start(&workloads);
    let server = Server::start();
    let real = server.ways().map(|way| way.conninfo);
    let try_workload = |workload: &Workload| {
        if workload.needs_server() {
            run_all(clients, workload, &real);
        }
        if workload.has_floor() {
            clients.run_floor(workload, &replay.socket());
        }
        run_all(clients, workload, &[replay.unix(), replay.tcp()])
    };
    let figures: Vec<Figures> = workloads.iter().map(try_workload).collect();
    for workload in HANDSHAKES.iter().map(|w| w.scaled(1000)) {
        run_all(clients, &workload, &[server.verified()]);
    }
    clients.warm();
    try_counts(clients, &workloads, &replay);
    check_pages(&figures, &server);
    println!("the benchmark works: {} workloads", workloads.len());
}

fn run_all(clients: &Clients, workload: &Workload, conninfos: &[String]) -> Figures {
    let libs = [Lib::Oracle, Lib::Ours, Lib::Debian15];
    let mut figures = Figures::new(*workload, libs.len());
    for conninfo in conninfos {
        let costs = libs.map(|lib| clients.run(lib, workload, conninfo));
        check_same(workload, &costs);
        assert!(costs.iter().flatten().all(|cost| cost.memory > 0.0));
        figures.push(&costs);
    }
    figures
}

fn try_counts(clients: &Clients, workloads: &[Workload], replay: &Replay) {
    let small = workloads.iter().find(|w| w.name == "small");
    for lib in [Lib::Oracle, Lib::Ours] {
        let counts = clients.counts(lib, small.expect("a short query"), &replay.unix());
        assert!(
            counts.instructions > 0.0 && counts.syscalls >= 2.0,
            "{counts:?}"
        );
    }
}

/// Checks before a long run that the pages have places for its figures.
fn check_pages(figures: &[Figures], server: &Server) {
    let parts = server.ways().map(|way| way.part);
    for part in parts.iter().chain(&["handshakes", "replay", "growth"]) {
        page::check("docs/benchmarks.md", part);
    }
    page::check("README.md", "benchmarks");
    for table in [
        report::table(figures),
        report::short_table(figures),
        report::summary(figures),
    ] {
        assert_eq!(table.lines().count(), figures.len() + 4, "{table}");
    }
    let chart = chart::draw(figures);
    assert!(figures.iter().all(|f| chart.contains(f.workload.name)));
}
