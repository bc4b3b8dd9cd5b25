//! Tables and the chart.

use std::fmt::Write;
use std::fs;

use crate::figures::{Figures, Spread};
use crate::measure::{Cost, Counts};
use crate::support::paths::checkout;
use crate::workloads::Workload;

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

fn spread(value: Option<Spread>) -> String {
    value.map_or("-".to_owned(), |s| {
        format!("{:.2} ({:.2} to {:.2})", s.median, s.low, s.high)
    })
}

/// A workload's times, for whoever waits.
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

/// C libpq's and our instructions for a row or, where there are few, for one time.
pub fn instructions(workload: &Workload, counts: [f64; 2]) -> String {
    let (unit, units) = workload.unit();
    let [theirs, ours] = counts.map(|count| count / units as f64);
    format!(
        "{:10} C {theirs:10.1}, ours {ours:10.1} for each {unit} | {:.3}",
        workload.name,
        ours / theirs
    )
}

/// The whole table, in Markdown.
pub fn table(all: &[Figures]) -> String {
    let mut text = String::from(
        "| workload | CPU, ours / C (quartiles) | target | C, ms | ours, ms | floor, ms | memory | instructions | system calls, C | ours | met |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for figures in all {
        let calls = |lib: usize| number(figures.counts.get(lib).map(|counts| counts.syscalls), 2);
        let _ = writeln!(
            text,
            "| {}: {} | {} | {:.2} | {} | {} | {} | {} | {} | {} | {} | {} |",
            figures.workload.name,
            figures.workload.about,
            spread(figures.ratio(1)),
            figures.workload.cpu,
            number(figures.cpu(0), 1),
            number(figures.cpu(1), 1),
            number(figures.floor(), 1),
            number(figures.memory_ratio(1).map(|ratio| ratio.median), 2),
            number(figures.instructions_ratio(1), 2),
            calls(0),
            calls(1),
            if figures.is_met() { "yes" } else { "**no**" },
        );
    }
    if all.iter().any(|figures| figures.costs.len() > 2) {
        text += &debian(all);
    }
    text
}

fn debian(all: &[Figures]) -> String {
    let mut text = String::from("\n| workload | libpq 15 (Debian) / C libpq 18 |\n|---|---|\n");
    for figures in all {
        let _ = writeln!(
            text,
            "| {} | {} |",
            figures.workload.name,
            spread(figures.ratio(2))
        );
    }
    text
}

/// CPU time alone: what a real server leaves comparable.
pub fn short_table(all: &[Figures]) -> String {
    let mut text = String::from(
        "| workload | CPU, ours / C (quartiles) | C, ms | ours, ms |\n|---|---|---:|---:|\n",
    );
    for figures in all {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            figures.workload.name,
            spread(figures.ratio(1)),
            number(figures.cpu(0), 1),
            number(figures.cpu(1), 1),
        );
    }
    text
}

pub fn growth(sizes: &[usize], costs: &[Cost]) -> String {
    let mut text =
        String::from("| rows | CPU, ms | ns a row | peak memory, kB |\n|---:|---:|---:|---:|\n");
    for (rows, cost) in sizes.iter().zip(costs) {
        let nanoseconds = cost.cpu() * 1000.0 / *rows as f64;
        let _ = writeln!(
            text,
            "| {rows} | {:.0} | {nanoseconds:.1} | {:.0} |",
            cost.cpu() / 1000.0,
            cost.memory
        );
    }
    text
}

/// Replaces a part of docs/benchmarks.md, between the comments that name it.
pub fn write(part: &str, text: &str) {
    let path = checkout().join("docs/benchmarks.md");
    let page = fs::read_to_string(&path).expect("docs/benchmarks.md");
    let (begin, end) = (
        format!("<!-- {part} -->\n"),
        format!("<!-- end of {part} -->"),
    );
    let (head, rest) = page.split_once(&begin).expect("the part begins");
    let (_, tail) = rest.split_once(&end).expect("the part ends");
    fs::write(&path, [head, &begin, text, &end, tail].concat()).expect("docs/benchmarks.md");
}

const BAR: usize = 22;
const LEFT: usize = 90;
const UNIT: f64 = 420.0;

/// docs/benchmarks.svg: a bar for each workload, its target, and the line where C libpq stands.
pub fn write_chart(all: &[Figures]) {
    let height = 60 + all.len() * BAR;
    let one = LEFT as f64 + UNIT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"18\">Client CPU time, C libpq 18 = 1 (shorter is better; the mark is the target)</text>\n",
    );
    for (index, figures) in all.iter().enumerate() {
        let Some(ratio) = figures.ratio(1) else {
            continue;
        };
        let y = 30 + index * BAR;
        let width = ratio.median.min(1.2) * UNIT;
        let target = LEFT as f64 + figures.workload.cpu * UNIT;
        let (middle, bottom, label) = (y + 13, y + BAR - 4, LEFT - 6);
        let _ = writeln!(
            svg,
            "<text x=\"{label}\" y=\"{middle}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\" fill=\"#336791\"/>\
             <line x1=\"{target:.1}\" y1=\"{y}\" x2=\"{target:.1}\" y2=\"{bottom}\" stroke=\"#d06020\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{middle}\">{:.2}</text>",
            figures.workload.name,
            BAR - 4,
            (LEFT as f64 + width).max(target) + 6.0,
            ratio.median,
        );
    }
    let bottom = 30 + all.len() * BAR;
    let _ = write!(
        svg,
        "<line x1=\"{one}\" y1=\"26\" x2=\"{one}\" y2=\"{bottom}\" stroke=\"#888\" stroke-dasharray=\"4 3\"/>\n\
         <text x=\"{one}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">C libpq 18</text>\n</svg>\n",
        bottom + 16,
    );
    fs::write(checkout().join("docs/benchmarks.svg"), svg).expect("docs/benchmarks.svg");
}
