//! Plots as inline SVG: lines over time, or over a number that grows by factors.

use std::fmt::{self, Write};

use super::Escaped;

/// Size of a plot, in its own units.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 220.0;
/// Room for the labels of the axes.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;
/// Intervals between the marks of an axis, about.
const INTERVALS: f64 = 5.0;
/// The least value that a logarithmic axis shows.
const LOG_MIN: f64 = 0.1;

/// One line of a plot.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    /// What it is plotted over (see [`Across`]), and value.
    pub(crate) points: Vec<(f64, f64)>,
    /// From where to where a value reached in repetitions, at some of these places.
    pub(crate) ranges: Vec<(f64, f64, f64)>,
}

impl Series {
    /// A line of values that were measured once.
    pub(crate) const fn of(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name,
            points,
            ranges: Vec::new(),
        }
    }
}

/// A stretch of time that all plots show.
pub(crate) struct Band {
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
    pub(crate) label: String,
}

/// What a plot's lines are over, from its left edge to its right.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Across {
    /// Time, up to so many seconds.
    Seconds(f64),
    /// A number that grows by factors, from the first to the second; both are at least 1. Every point is
    /// marked, as there are few.
    Count(f64, f64),
}

/// A plot of up to nine lines.
pub(crate) struct Plot<'a> {
    pub(crate) title: &'a str,
    /// Whether values are shown by their logarithm.
    pub(crate) is_logarithmic: bool,
    pub(crate) series: Vec<Series>,
    pub(crate) bands: &'a [Band],
    pub(crate) across: Across,
}

impl Across {
    /// The part of the way from the left edge to the right at which `at` is.
    fn part(self, at: f64) -> f64 {
        let part = match self {
            Self::Seconds(most) => at / most.max(1.0),
            Self::Count(least, most) if most > least => (at / least).ln() / (most / least).ln(),
            Self::Count(..) => 0.5,
        };
        part.clamp(0.0, 1.0)
    }

    /// What is marked, each with its label.
    fn ticks(self) -> Vec<(f64, String)> {
        match self {
            Self::Seconds(most) => {
                let ticks = Axis::linear(most).ticks.into_iter();
                let within = ticks.filter(|&tick| tick <= most);
                within
                    .map(|tick| (tick, format!("{} s", Number(tick))))
                    .collect()
            }
            Self::Count(least, most) => {
                let powers = (0..10).map(|power| 10_f64.powi(power));
                let within = powers.filter(|power| (least..=most).contains(power));
                within.map(|power| (power, power.to_string())).collect()
            }
        }
    }
}

impl Plot<'_> {
    fn x(&self, at: f64) -> f64 {
        LEFT + self.across.part(at) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64, axis: &Axis) -> f64 {
        let part = if self.is_logarithmic {
            let low = axis.low.log10();
            (value.max(axis.low).log10() - low) / (axis.high.log10() - low)
        } else {
            value / axis.high
        };
        HEIGHT - BOTTOM - part.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }

    fn axis(&self) -> Axis {
        let values = self.series.iter().flat_map(|series| {
            let ends = series.ranges.iter().map(|&(_, _, most)| most);
            series.points.iter().map(|&(_, value)| value).chain(ends)
        });
        let most = values.fold(0.0, f64::max);
        if self.is_logarithmic {
            Axis::logarithmic(most)
        } else {
            Axis::linear(most)
        }
    }

    /// The line through all points; a value of 0 on a logarithmic axis is a gap.
    fn path(&self, series: &Series, axis: &Axis) -> String {
        let mut path = String::new();
        let mut pen_is_down = false;
        for &(at, value) in &series.points {
            if self.is_logarithmic && value <= 0.0 {
                pen_is_down = false;
                continue;
            }
            let command = if pen_is_down { 'L' } else { 'M' };
            let (x, y) = (self.x(at), self.y(value, axis));
            // Writing to a string does not fail.
            let _ = write!(path, "{command}{x:.1} {y:.1}");
            pen_is_down = true;
        }
        path
    }

    fn write_bands(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let height = HEIGHT - BOTTOM - TOP;
        for band in self.bands {
            let (from, to) = (self.x(band.from_s), self.x(band.to_s));
            let width = (to - from).max(1.5);
            writeln!(
                f,
                "<rect class=\"band\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" \
                 height=\"{height:.1}\"><title>{}</title></rect>",
                Escaped(&band.label)
            )?;
        }
        Ok(())
    }

    fn write_axes(&self, f: &mut fmt::Formatter<'_>, axis: &Axis) -> fmt::Result {
        for &tick in &axis.ticks {
            let y = self.y(tick, axis);
            let end = WIDTH - RIGHT;
            writeln!(f, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{end}\"/>")?;
            let (x, y, label) = (LEFT - 6.0, y + 4.0, Number(tick));
            writeln!(f, "<text class=\"y\" x=\"{x}\" y=\"{y:.1}\">{label}</text>")?;
        }
        for (tick, label) in self.across.ticks() {
            let (x, y) = (self.x(tick), HEIGHT - 6.0);
            writeln!(f, "<text class=\"x\" x=\"{x:.1}\" y=\"{y}\">{label}</text>")?;
        }
        Ok(())
    }

    fn write_lines(&self, f: &mut fmt::Formatter<'_>, axis: &Axis) -> fmt::Result {
        for (number, series) in self.series.iter().enumerate() {
            let path = self.path(series, axis);
            writeln!(f, "<path class=\"line s{number}\" d=\"{path}\"/>")?;
            for &(at, least, most) in &series.ranges {
                let (x, low, high) = (self.x(at), self.y(least, axis), self.y(most, axis));
                writeln!(
                    f,
                    "<path class=\"range line s{number}\" d=\"M{x:.1} {low:.1}V{high:.1}\"/>"
                )?;
            }
            if matches!(self.across, Across::Count(..)) {
                for &(at, value) in &series.points {
                    let (x, y) = (self.x(at), self.y(value, axis));
                    let (name, at, value) = (series.name, Number(at), Number(value));
                    writeln!(
                        f,
                        "<circle class=\"dot s{number}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\">\
                         <title>{name}, {at}: {value}</title></circle>"
                    )?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Plot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axis = self.axis();
        writeln!(f, "<figure><figcaption>{}", self.title)?;
        for (number, series) in self.series.iter().enumerate() {
            writeln!(f, "<span class=\"key s{number}\">{}</span>", series.name)?;
        }
        writeln!(f, "</figcaption>")?;
        writeln!(
            f,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            self.title
        )?;
        self.write_bands(f)?;
        self.write_axes(f, &axis)?;
        self.write_lines(f, &axis)?;
        writeln!(f, "</svg></figure>")
    }
}

/// The values that an axis shows.
#[derive(Debug, PartialEq)]
struct Axis {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Axis {
    /// From 0 to `most`, marked at round numbers.
    fn linear(most: f64) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let rough = most / INTERVALS;
        let power = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = steps.into_iter().find(|&step| step >= rough);
        let step = step.unwrap_or(rough);
        let intervals = (most / step).ceil();
        let ticks = (0..=intervals as u32).map(|tick| f64::from(tick) * step);
        Self {
            low: 0.0,
            high: intervals * step,
            ticks: ticks.collect(),
        }
    }

    /// Powers of ten up to the one above `most`.
    fn logarithmic(most: f64) -> Self {
        let mut ticks = vec![LOG_MIN];
        let mut high = LOG_MIN;
        while high < most.max(1.0) {
            high *= 10.0;
            ticks.push(high);
        }
        Self {
            low: LOG_MIN,
            high,
            ticks,
        }
    }
}

/// A number as the label of an axis.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            value if value >= 10_000.0 => write!(f, "{}k", (value / 100.0).round() / 10.0),
            value => write!(f, "{}", (value * 100.0).round() / 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_marked_at_round_numbers_and_hold_all_values() {
        assert_eq!(
            Axis::linear(47.0).ticks,
            [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
        );
        assert_eq!(Axis::linear(0.0).high, 1.0);
        for most in [0.3, 1.0, 999.0, 1_234_567.0] {
            let axis = Axis::linear(most);
            assert!(axis.high >= most && axis.ticks.len() <= 7, "{axis:?}");
            let axis = Axis::logarithmic(most);
            assert!(axis.high >= most * 0.999, "{axis:?}");
        }
    }

    #[test]
    fn lines_stay_within_the_plot_and_have_gaps_where_nothing_was() {
        let plot = Plot {
            title: "ack",
            is_logarithmic: true,
            series: vec![Series::of(
                "p50",
                vec![(0.0, 1.0), (5.0, 0.0), (10.0, 1_000.0), (20.0, 1.0)],
            )],
            bands: &[],
            across: Across::Seconds(20.0),
        };
        let path = plot.path(&plot.series[0], &plot.axis());
        assert_eq!(path, "M56.0 149.5M472.0 10.0L888.0 149.5");
    }

    #[test]
    fn labels_cannot_become_markup() {
        let bands = [Band {
            from_s: 1.0,
            to_s: 2.0,
            label: "<script>".to_owned(),
        }];
        let plot = Plot {
            title: "moves",
            is_logarithmic: false,
            series: Vec::new(),
            bands: &bands,
            across: Across::Seconds(20.0),
        };
        assert!(plot.to_string().contains("&lt;script&gt;"));
    }

    #[test]
    fn counts_grow_by_factors_and_are_marked() {
        let plot = Plot {
            title: "CPU",
            is_logarithmic: false,
            series: vec![Series::of(
                "relay",
                vec![(1.0, 40.0), (100.0, 20.0), (10_000.0, 40.0)],
            )],
            bands: &[],
            across: Across::Count(1.0, 10_000.0),
        };
        let path = plot.path(&plot.series[0], &plot.axis());
        assert_eq!(path, "M56.0 10.0L472.0 103.0L888.0 10.0");
        let text = plot.to_string();
        assert_eq!(text.matches("<circle").count(), 3);
        for label in [">1<", ">10<", ">100<", ">1000<", ">10000<"] {
            assert!(text.contains(label), "{label}");
        }
    }

    #[test]
    fn a_single_count_stands_in_the_middle() {
        assert_eq!(Across::Count(7.0, 7.0).part(7.0), 0.5);
    }
}
