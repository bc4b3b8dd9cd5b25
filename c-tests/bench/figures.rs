//! The figures of a workload, and their statistics.

use crate::measure::{Cost, Counts};
use crate::workloads::Workload;

/// Library 0 is C libpq 18 and library 1 is ours; a third one may follow.
pub struct Figures {
    pub workload: Workload,
    /// For each library, the cost of each round; empty if the library does not support the workload.
    pub costs: Vec<Vec<Cost>>,
    /// CPU time of the loop that only receives.
    pub floor: Vec<f64>,
    pub counts: Vec<Counts>,
}

/// A median and, if there are enough values, the quartiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub quartiles: Option<(f64, f64)>,
}

const ENOUGH: usize = 5;

impl Figures {
    pub fn new(workload: Workload, libs: usize) -> Figures {
        Figures {
            workload,
            costs: vec![Vec::new(); libs],
            floor: Vec::new(),
            counts: Vec::new(),
        }
    }

    pub fn push(&mut self, costs: &[Option<Cost>]) {
        for (all, cost) in self.costs.iter_mut().zip(costs) {
            all.extend(cost);
        }
    }

    /// CPU time relative to C libpq, for each round.
    pub fn ratio(&self, lib: usize) -> Option<Spread> {
        let pairs = self.costs[lib].iter().zip(&self.costs[0]);
        spread(
            pairs
                .map(|(ours, theirs)| ours.cpu() / theirs.cpu())
                .collect(),
        )
    }

    pub fn memory_ratio(&self, lib: usize) -> Option<Spread> {
        let pairs = self.costs[lib].iter().zip(&self.costs[0]);
        spread(
            pairs
                .map(|(ours, theirs)| ours.memory / theirs.memory)
                .collect(),
        )
    }

    /// The median of one figure over a library's runs.
    pub fn median(&self, lib: usize, of: fn(&Cost) -> f64) -> Option<f64> {
        Some(spread(self.costs[lib].iter().map(of).collect())?.median)
    }

    /// CPU time in milliseconds.
    pub fn cpu(&self, lib: usize) -> Option<f64> {
        Some(self.median(lib, Cost::cpu)? / 1000.0)
    }

    pub fn floor(&self) -> Option<f64> {
        Some(spread(self.floor.clone())?.median / 1000.0)
    }

    pub fn instructions_ratio(&self, lib: usize) -> Option<f64> {
        Some(self.counts.get(lib)?.instructions / self.counts[0].instructions)
    }

    /// Whether the workload meets all its targets.
    pub fn is_met(&self) -> bool {
        let within = |figure: Option<f64>, most: f64| figure.is_some_and(|figure| figure <= most);
        let cpu = within(self.ratio(1).map(|ratio| ratio.median), self.workload.cpu);
        let memory = self
            .workload
            .memory
            .is_none_or(|most| within(self.memory_ratio(1).map(|ratio| ratio.median), most));
        let instructions = self
            .workload
            .instructions
            .is_none_or(|most| within(self.instructions_ratio(1), most));
        let syscalls = self.workload.syscalls.is_none_or(|most| {
            within(
                self.counts.get(1).map(|counts| counts.syscalls),
                most + 0.01,
            )
        });
        cpu && memory && instructions && syscalls
    }
}

fn spread(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |part: f64| {
        let place = part * last as f64;
        let (low, high) = (
            values[place.floor() as usize],
            values[place.ceil() as usize],
        );
        low + (high - low) * place.fract()
    };
    Some(Spread {
        median: at(0.5),
        quartiles: (values.len() >= ENOUGH).then(|| (at(0.25), at(0.75))),
    })
}

/// Checks the arithmetic.
pub fn check() {
    let of = |values: &[f64]| spread(values.to_vec());
    let median = |median| {
        Some(Spread {
            median,
            quartiles: None,
        })
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[3.0]), median(3.0));
    assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), median(2.5));
    let five = of(&[5.0, 1.0, 4.0, 2.0, 3.0]).expect("values");
    assert_eq!(five.quartiles, Some((2.0, 4.0)));
}
