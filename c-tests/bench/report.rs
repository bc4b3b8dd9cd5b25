//! Prints progress and tables.

use std::fmt::Write;

use crate::figures::{Figures, Spread};
use crate::measure::{Cost, Counts};
use crate::workloads::Workload;

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

fn spread(value: Option<Spread>) -> String {
    let Some(Spread { median, quartiles }) = value else {
        return "-".to_owned();
    };
    let quartiles = quartiles.map(|(low, high)| format!(" ({low:.2} to {high:.2})"));
    format!("{median:.2}{}", quartiles.unwrap_or_default())
}

fn median(value: Option<Spread>) -> String {
    number(value.map(|spread| spread.median), 2)
}

/// A workload's times, printed as progress.
pub fn times(figures: &Figures) -> String {
    let of = |lib: usize| {
        format!(
            "{} ms ({} system), {} faults",
            number(figures.cpu(lib), 1),
            number(
                figures
                    .median(lib, |cost| cost.system)
                    .map(|time| time / 1000.0),
                1
            ),
            number(figures.median(lib, |cost| cost.faults), 0),
        )
    };
    format!(
        "{:10} cpu {} | C {}, ours {} | memory {}",
        figures.workload.name,
        spread(figures.ratio(1)),
        of(0),
        of(1),
        number(figures.memory_ratio(1).map(|ratio| ratio.median), 2),
    )
}

/// The same with its counts and targets.
pub fn outcome(figures: &Figures) -> String {
    let counts = |lib: usize| {
        let Counts {
            instructions,
            syscalls,
        } = figures.counts[lib];
        format!("{instructions:.0} instructions {syscalls:.2} calls")
    };
    format!(
        "{} | floor {} ms | C {}, ours {} | target {:.2} {}",
        times(figures),
        number(figures.floor(), 1),
        counts(0),
        counts(1),
        figures.workload.cpu,
        if figures.is_met() { "met" } else { "MISSED" },
    )
}

/// The instructions of C libpq and ours for a row, or for a repeat if it has few rows.
pub fn instructions(workload: &Workload, counts: [f64; 2]) -> String {
    let (unit, units) = workload.unit();
    let [theirs, ours] = counts.map(|count| count / units as f64);
    format!(
        "{:10} C {theirs:10.1}, ours {ours:10.1} for each {unit} | {:.3}",
        workload.name,
        ours / theirs
    )
}

/// A Markdown table of figures, with the number of rounds.
fn figures_table(
    titles: &[&str],
    all: &[Figures],
    line: impl Fn(&Figures) -> Vec<String>,
) -> String {
    let rounds = all.first().map_or(0, |figures| figures.costs[0].len());
    let table = markdown(titles, all.iter().map(line));
    format!("{table}\nMedians of {rounds} rounds.\n")
}

/// A Markdown table. `titles` are the columns' titles; one that ends with a colon is for numbers.
fn markdown(titles: &[&str], lines: impl Iterator<Item = Vec<String>>) -> String {
    let plain = titles.iter().map(|title| title.trim_end_matches(':'));
    let rule = titles
        .iter()
        .map(|title| if title.ends_with(':') { "---:" } else { "---" });
    let mut text = format!(
        "| {} |\n|{}|\n",
        plain.collect::<Vec<_>>().join(" | "),
        rule.collect::<Vec<_>>().join("|")
    );
    for line in lines {
        assert_eq!(line.len(), titles.len(), "{line:?}");
        let _ = writeln!(text, "| {} |", line.join(" | "));
    }
    text
}

/// Adds a column for a third library.
fn with_debian<'a>(titles: &[&'a str], all: &[Figures]) -> Vec<&'a str> {
    let debian = all.iter().any(|figures| figures.costs.len() > 2);
    let more = debian.then_some("CPU, libpq 15 / C:");
    titles.iter().copied().chain(more).collect()
}

fn debian(figures: &Figures) -> Option<String> {
    (figures.costs.len() > 2).then(|| median(figures.ratio(2)))
}

fn title(workload: &Workload) -> String {
    format!("{}: {}", workload.name, workload.about)
}

fn verdict(figures: &Figures) -> String {
    if figures.is_met() { "yes" } else { "**no**" }.to_owned()
}

/// The whole table.
pub fn table(all: &[Figures]) -> String {
    let titles = [
        "workload",
        "CPU, ours / C",
        "target:",
        "met",
        "C, ms:",
        "ours, ms:",
        "floor, ms:",
        "memory:",
        "instructions:",
        "system calls, C:",
        "ours:",
    ];
    let line = |figures: &Figures| {
        let calls = |lib: usize| number(figures.counts.get(lib).map(|counts| counts.syscalls), 2);
        let cells = [
            title(&figures.workload),
            spread(figures.ratio(1)),
            format!("{:.2}", figures.workload.cpu),
            verdict(figures),
            number(figures.cpu(0), 1),
            number(figures.cpu(1), 1),
            number(figures.floor(), 1),
            median(figures.memory_ratio(1)),
            number(figures.instructions_ratio(1), 2),
            calls(0),
            calls(1),
        ];
        cells.into_iter().chain(debian(figures)).collect()
    };
    figures_table(&with_debian(&titles, all), all, line)
}

/// The columns that are meaningful on a real server.
pub fn short_table(all: &[Figures]) -> String {
    let titles = [
        "workload",
        "CPU, ours / C",
        "C, ms:",
        "ours, ms:",
        "memory:",
    ];
    let line = |figures: &Figures| {
        let cells = [
            figures.workload.name.to_owned(),
            spread(figures.ratio(1)),
            number(figures.cpu(0), 1),
            number(figures.cpu(1), 1),
            median(figures.memory_ratio(1)),
        ];
        cells.into_iter().chain(debian(figures)).collect()
    };
    figures_table(&with_debian(&titles, all), all, line)
}

/// The README's table.
pub fn summary(all: &[Figures]) -> String {
    let line = |figures: &Figures| {
        vec![
            title(&figures.workload),
            median(figures.ratio(1)),
            format!("{:.2}", figures.workload.cpu),
            median(figures.memory_ratio(1)),
            verdict(figures),
        ]
    };
    let titles = ["workload", "CPU:", "target:", "memory:", "met"];
    figures_table(&titles, all, line)
}

pub fn growth(sizes: &[usize], costs: &[Cost]) -> String {
    let line = |(rows, cost): (&usize, &Cost)| {
        vec![
            rows.to_string(),
            format!("{:.0}", cost.cpu() / 1000.0),
            format!("{:.1}", cost.cpu() * 1000.0 / *rows as f64),
            format!("{:.0}", cost.memory),
        ]
    };
    let titles = ["rows:", "CPU, ms:", "ns a row:", "peak memory, kB:"];
    markdown(&titles, sizes.iter().zip(costs).map(line))
}
