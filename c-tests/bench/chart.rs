//! Draws docs/benchmarks.svg: a bar and a target for each workload, and a line at C libpq's value.

use std::fmt::Write;

use crate::figures::Figures;

/// All lengths are in pixels.
const WIDTH: usize = 780;
const LEFT: usize = 120;
const TOP: usize = 66;
const BAR: usize = 16;
const STEP: usize = 24;
/// The length of a bar for the ratio 1.
const UNIT: f64 = 400.0;
/// A longer bar is cut off; its label shows the value.
const LONGEST: f64 = 1.3;

const GOOD: &str = "#2f6f9f";
const BAD: &str = "#b5533c";

pub fn draw(all: &[Figures]) -> String {
    let bottom = TOP + all.len() * STEP;
    let height = bottom + 34;
    // The chart has its own background, so that it is readable on a dark page.
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"#1f2328\">\n\
         <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"#ffffff\" stroke=\"#d0d7de\"/>\n\
         <text x=\"20\" y=\"26\" font-weight=\"bold\">Client CPU time, C libpq 18 = 1 (shorter is better)</text>\n",
        WIDTH - 1,
        height - 1,
    );
    svg += &legend();
    svg += &grid(bottom);
    for (index, figures) in all.iter().enumerate() {
        if let Some(ratio) = figures.ratio(1) {
            svg += &bar(
                TOP + index * STEP,
                figures.workload.name,
                ratio.median,
                figures.workload.cpu,
            );
        }
    }
    svg + "</svg>\n"
}

fn x(ratio: f64) -> f64 {
    LEFT as f64 + ratio.min(LONGEST) * UNIT
}

fn legend() -> String {
    let swatch = |at: usize, colour: &str, text: &str| {
        format!(
            "<rect x=\"{at}\" y=\"38\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{}\" y=\"49\">{text}</text>\n",
            at + 18
        )
    };
    swatch(20, GOOD, "target met")
        + &swatch(140, BAD, "target missed")
        + "<line x1=\"282\" y1=\"36\" x2=\"282\" y2=\"52\" stroke=\"#1f2328\" stroke-width=\"3\"/><text x=\"292\" y=\"49\">target</text>\n"
}

fn grid(bottom: usize) -> String {
    let mut svg = String::new();
    for (ratio, label) in [
        (0.0, "0"),
        (0.25, "0.25"),
        (0.5, "0.5"),
        (0.75, "0.75"),
        (1.0, "1, C libpq"),
    ] {
        let x = x(ratio);
        let stroke = if ratio == 1.0 { "#57606a" } else { "#d8dee4" };
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"{stroke}\"/>\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"#57606a\">{label}</text>",
            TOP - 4,
            bottom + 18,
        );
    }
    svg
}

fn bar(y: usize, name: &str, ratio: f64, target: f64) -> String {
    let colour = if ratio <= target { GOOD } else { BAD };
    let (end, mark) = (x(ratio), x(target));
    let text = y + BAR - 3;
    format!(
        "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{name}</text>\
         <rect x=\"{LEFT}\" y=\"{y}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
         <line x1=\"{mark:.1}\" y1=\"{}\" x2=\"{mark:.1}\" y2=\"{}\" stroke=\"#1f2328\" stroke-width=\"3\"/>\
         <text x=\"{:.1}\" y=\"{text}\" stroke=\"#ffffff\" stroke-width=\"4\" paint-order=\"stroke\">{ratio:.2}\
         <tspan dx=\"6\" fill=\"#57606a\">target {target:.2}</tspan></text>\n",
        LEFT - 8,
        end - LEFT as f64,
        y - 2,
        y + BAR + 2,
        end.max(mark) + 8.0,
    )
}
