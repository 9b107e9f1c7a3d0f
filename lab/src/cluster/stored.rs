//! How programs use the Redis of a cluster, and this one too.

use std::ffi::OsString;

use store::{RedisConfig, RedisLogin, RedisPassword, RedisTls};
use supervisor::Redis;

/// What a program is given beside the URL.
pub(super) fn options_of(redis: &Redis, replicas: u32) -> Vec<OsString> {
    let mut options = Vec::new();
    if let Some(access) = redis.access() {
        for (option, value) in [
            ("--store-tls-ca", access.ca.as_os_str()),
            ("--store-tls-cert", access.certificate.as_os_str()),
            ("--store-tls-key", access.key.as_os_str()),
            ("--store-user", access.user.as_ref()),
            ("--store-password-file", access.password_file.as_os_str()),
        ] {
            options.extend([option.into(), value.to_owned()]);
        }
    }
    if replicas > 0 {
        options.extend(["--store-replicas".into(), replicas.to_string().into()]);
    }
    options
}

/// The configuration with which this program reads the store.
pub(super) fn config_of(redis: &Redis) -> RedisConfig {
    let mut config = RedisConfig::new(redis.url());
    if let Some(access) = redis.access() {
        config.login = RedisLogin {
            user: Some(access.user.clone()),
            password: Some(RedisPassword::File(access.password_file.clone())),
        };
        config.tls = RedisTls {
            ca: Some(access.ca.clone()),
            identity: Some((access.certificate.clone(), access.key.clone())),
            server_name: None,
        };
    }
    config
}
