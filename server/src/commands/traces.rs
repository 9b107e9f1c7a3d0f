//! The options of the export of traces.

use clap::Args;

use crate::{CollectorUrl, SampleRatio, TraceConfig};

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
        default_value = "0.01"
    )]
    pub(super) otlp_sample: SampleRatio,
}

impl TraceArgs {
    pub(super) fn config(&self) -> Option<TraceConfig> {
        let collector = self.otlp_endpoint.clone()?;
        Some(TraceConfig {
            collector,
            sample: self.otlp_sample,
        })
    }

    /// The collector, or nothing, to be shown.
    pub(super) fn endpoint(&self) -> String {
        let endpoint = self.otlp_endpoint.as_ref();
        endpoint.map(ToString::to_string).unwrap_or_default()
    }
}
