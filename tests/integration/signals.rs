//! What a shard does when it is told to end, and told again.

use std::time::Duration;

use tests::faults::cluster::{Cluster, ClusterPlan};

/// A shard that drains waits longer than this for a store that does not answer.
const PATIENT: Duration = Duration::from_millis(1_500);
/// A process that ends at once has ended by then.
const AT_ONCE: Duration = Duration::from_secs(2);

async fn cluster(directory: &tempfile::TempDir) -> Cluster {
    let plan = ClusterPlan {
        directory: directory.path().to_owned(),
        ..ClusterPlan::default()
    };
    Cluster::start(plan).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_told_to_end_ends_in_good_order() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = cluster(&directory).await;
    cluster.shards[0].signal("TERM");
    let status = cluster.shards[0].ended(Duration::from_secs(15)).await;
    assert!(status.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_stops_a_shard_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = cluster(&directory).await;
    cluster.redis(|redis| redis.stop()).await.unwrap();
    cluster.shards[0].signal("TERM");
    let status = cluster.shards[0].ended(PATIENT).await;
    assert!(status.is_none(), "it waits for the store: {status:?}");
    cluster.shards[0].signal("TERM");
    let status = cluster.shards[0].ended(AT_ONCE).await;
    assert!(!status.unwrap().success(), "nothing was put in order");
}
