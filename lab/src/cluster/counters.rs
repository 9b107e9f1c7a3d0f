//! What the processes of a cluster count.

use std::time::Duration;

use super::LocalCluster;

/// An endpoint that does not answer within this has nothing to tell.
const ANSWER_MAX: Duration = Duration::from_secs(10);

impl LocalCluster {
    /// A counter of the shards that run, over all of them; one that does not answer is left out.
    pub async fn counted(&self, name: &str) -> u64 {
        let Ok(http) = reqwest::Client::builder().timeout(ANSWER_MAX).build() else {
            return 0;
        };
        let mut sum = 0;
        for admin in self.shards().iter().filter_map(|shard| shard.admin()) {
            let request = http.get(format!("{}/metrics", admin.url));
            if let Ok(answer) = request.bearer_auth(&admin.token).send().await
                && let Ok(text) = answer.text().await
            {
                sum += value(&text, name);
            }
        }
        sum
    }
}

/// The value of a counter without labels in Prometheus' text format; 0 if it is not there.
fn value(text: &str, name: &str) -> u64 {
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    values
        .next()
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_read_by_its_whole_name() {
        let text =
            "# TYPE takeovers_total counter\ntakeovers_total_needless 4\ntakeovers_total 12\n";
        assert_eq!(value(text, "takeovers_total"), 12);
        assert_eq!(value(text, "takeovers"), 0);
    }
}
