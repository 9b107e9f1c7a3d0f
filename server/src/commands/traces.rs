//! The options of the export of traces.

use clap::Args;

use shard::{CollectorUrl, SampleRatio, SampleRatioError, TraceConfig};

/// Where the paths of moves are exported to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Traces")]
pub(super) struct TraceArgs {
    /// Export the path of moves as traces to this OpenTelemetry collector, by OTLP over HTTP: its base URL,
    /// for example http://127.0.0.1:4318, to which /v1/traces is added.
    #[arg(long, env = "ROOKERY_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<CollectorUrl>,
    /// The share of accepted commands that are traced, from 0 to 1.
    #[arg(
        long,
        env = "ROOKERY_OTLP_SAMPLE",
        value_name = "RATIO",
        default_value_t = 0.01,
        value_parser = ratio
    )]
    otlp_sample: f64,
}

impl TraceArgs {
    pub(super) fn config(&self) -> Option<TraceConfig> {
        Some(TraceConfig {
            collector: self.otlp_endpoint.clone()?,
            // It was one when it was read.
            sample: self.otlp_sample.try_into().ok()?,
        })
    }
}

fn ratio(text: &str) -> Result<f64, SampleRatioError> {
    let ratio = text.parse().map_err(|_| SampleRatioError)?;
    SampleRatio::try_from(ratio).map(|_| ratio)
}
