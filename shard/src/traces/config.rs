//! Where traces go, and how many there are.

use std::fmt;
use std::str::FromStr;

/// Where traces go, and how many there are.
#[derive(Debug, Clone)]
pub struct TraceConfig {
    /// The collector.
    pub collector: CollectorUrl,
    /// How many.
    pub sample: SampleRatio,
}

/// The share of accepted commands that are traced, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRatio(pub(super) f64);

/// A value that is not a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be a number from 0 to 1, for example 0.01")]
pub struct SampleRatioError;

impl TryFrom<f64> for SampleRatio {
    type Error = SampleRatioError;

    fn try_from(ratio: f64) -> Result<Self, SampleRatioError> {
        let is_share = (0.0..=1.0).contains(&ratio);
        is_share.then_some(Self(ratio)).ok_or(SampleRatioError)
    }
}

/// The base URL of a collector that takes OTLP over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectorUrl(url::Url);

/// A URL that no traces can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be the base URL of a collector, http://HOST:PORT, for example http://127.0.0.1:4318; \
     without TLS, a user, a query or /v1/traces, which is added"
)]
pub struct CollectorUrlError;

impl FromStr for CollectorUrl {
    type Err = CollectorUrlError;

    fn from_str(text: &str) -> Result<Self, CollectorUrlError> {
        let url: url::Url = text.parse().map_err(|_| CollectorUrlError)?;
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if url.scheme() == "http" && is_bare && !url.path().contains("/v1/traces") {
            Ok(Self(url))
        } else {
            Err(CollectorUrlError)
        }
    }
}

impl fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}
