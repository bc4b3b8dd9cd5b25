//! Runs workloads with each library in turn.

use crate::figures::Figures;
use crate::measure::{Clients, Cost, check_same};
use crate::replay::Replay;
use crate::report;
use crate::support::paths::Lib;
use crate::workloads::{WORKLOADS, Workload};

/// The libraries to compare, and the number of rounds.
pub struct Runs<'a> {
    pub clients: &'a Clients,
    pub libs: &'a [Lib],
    pub rounds: usize,
    /// Whether memory is prepared before large runs.
    pub warm: bool,
}

impl Runs<'_> {
    /// Measures with canned streams, including all counts.
    pub fn replayed(&self, workloads: &[Workload]) -> Vec<Figures> {
        let replay = Replay::start(workloads);
        let measure = |workload: &Workload| {
            let mut figures = self.alternate(workload, &replay.way(workload));
            if workload.has_floor() {
                figures.floor = (0..self.rounds.min(5))
                    .map(|_| self.clients.run_floor(workload, &replay.socket()).cpu())
                    .collect();
            }
            let counted = workload.scaled(10);
            let replay = Replay::start(&[counted]);
            figures.counts = [Lib::Oracle, Lib::Ours]
                .map(|lib| self.clients.counts(lib, &counted, &replay.way(&counted)))
                .into();
            eprintln!("{}", report::outcome(&figures));
            figures
        };
        workloads.iter().map(measure).collect()
    }

    /// Measures on a real server: a quarter of each workload that can use one.
    pub fn real(&self, workloads: &[Workload], conninfo: &str) -> Vec<Figures> {
        let measure = |workload: &Workload| {
            let figures = self.alternate(&workload.scaled(4), conninfo);
            eprintln!("{}", report::times(&figures));
            figures
        };
        let talking = workloads.iter().filter(|w| w.needs_server() && !w.twin);
        talking.map(measure).collect()
    }

    /// Runs the libraries alternately, in reverse order every other round.
    fn alternate(&self, workload: &Workload, conninfo: &str) -> Figures {
        let mut figures = Figures::new(*workload, self.libs.len());
        for round in 0..self.rounds {
            let mut costs: Vec<Option<Cost>> = vec![None; self.libs.len()];
            let mut order: Vec<usize> = (0..self.libs.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                if self.warm && workload.is_bulk() {
                    self.clients.warm();
                }
                costs[index] = self.clients.run(self.libs[index], workload, conninfo);
            }
            check_same(workload, &costs);
            figures.push(&costs);
        }
        figures
    }
}

/// For developers: counts are exact even if the machine is busy.
pub fn count_instructions(clients: &Clients, workloads: &[Workload]) {
    let libs = [Lib::Oracle, Lib::Ours];
    for workload in workloads {
        let workload = workload.scaled(20);
        let replay = Replay::start(&[workload]);
        let counts = libs.map(|lib| clients.instructions(lib, &workload, &replay.way(&workload)));
        println!("{}", report::instructions(&workload, counts));
    }
}

/// Chunked mode with results of growing size: the cost of a row and the peak memory must stay the same.
pub fn growth(clients: &Clients) -> String {
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
