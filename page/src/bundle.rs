//! The files of the bundle, as they are sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::LazyLock;

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "dist/"]
struct Files;

/// The file that is answered at every path of the page.
pub(crate) const INDEX: &str = "index.html";

/// The folder of files with a digest of their content in their names.
const ASSETS: &str = "assets/";

/// Bytes of a file's digest in its `ETag`.
const TAG_LEN: usize = 12;

/// One file of the bundle.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// Its `Content-Type`.
    pub(crate) kind: &'static str,
    /// Its content.
    pub(crate) bytes: Bytes,
    /// Its content compressed by gzip, if that is shorter.
    pub(crate) gzip: Option<Bytes>,
    /// Names the content, in hexadecimal digits.
    pub(crate) tag: String,
    /// Whether another content has another name.
    pub(crate) is_immutable: bool,
}

/// All files, by their paths without the first slash. They are compressed once, at the first use.
pub(crate) static BUNDLE: LazyLock<BTreeMap<String, File>> = LazyLock::new(|| {
    let files = Files::iter().filter_map(|name| {
        let file = Files::get(&name)?;
        let digest = file.metadata.sha256_hash();
        let tag = digest[..TAG_LEN]
            .iter()
            .fold(String::new(), |mut tag, byte| {
                // Writing to a string does not fail.
                let _ = write!(tag, "{byte:02x}");
                tag
            });
        let bytes = match file.data {
            std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
        };
        let (kind, is_text) = kind_of(&name);
        let file = File {
            kind,
            gzip: is_text.then(|| compressed(&bytes)).flatten(),
            bytes,
            tag,
            is_immutable: name.starts_with(ASSETS),
        };
        Some((name.into_owned(), file))
    });
    files.collect()
});

/// The `Content-Type` of a file by the ending of its name, and whether it is text, which gets shorter by compression.
fn kind_of(name: &str) -> (&'static str, bool) {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "html" => ("text/html; charset=utf-8", true),
        "js" | "mjs" => ("text/javascript; charset=utf-8", true),
        "css" => ("text/css; charset=utf-8", true),
        "svg" => ("image/svg+xml", true),
        "json" | "map" => ("application/json", true),
        "webmanifest" => ("application/manifest+json", true),
        "txt" => ("text/plain; charset=utf-8", true),
        "png" => ("image/png", false),
        "webp" => ("image/webp", false),
        "ico" => ("image/x-icon", false),
        "woff2" => ("font/woff2", false),
        "mp3" => ("audio/mpeg", false),
        "ogg" => ("audio/ogg", false),
        "wav" => ("audio/wav", true),
        _ => ("application/octet-stream", false),
    }
}

/// The same bytes at each start: the header of the stream has no time.
fn compressed(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    let short = encoder.finish().ok()?;
    (short.len() < bytes.len()).then(|| Bytes::from(short))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn the_bundle_has_an_index_and_its_assets_and_knows_what_each_file_is() {
        let index = &BUNDLE[INDEX];
        assert_eq!(index.kind, "text/html; charset=utf-8");
        assert!(!index.is_immutable);
        let assets = BUNDLE.iter().filter(|(name, _)| name.starts_with(ASSETS));
        assert!(assets.clone().count() > 0);
        assert!(assets.clone().all(|(_, file)| file.is_immutable));
        for (name, file) in BUNDLE.iter() {
            assert_ne!(file.kind, "application/octet-stream", "{name}");
            assert_eq!(file.tag.len(), 2 * TAG_LEN, "{name}");
        }
    }

    #[test]
    fn what_is_compressed_is_the_same_content_and_shorter() {
        let text = "rook ".repeat(1_000);
        let short = compressed(text.as_bytes()).unwrap();
        assert!(short.len() < 200, "{}", short.len());
        assert_eq!(Some(&short), compressed(text.as_bytes()).as_ref());
        let mut back = String::new();
        GzDecoder::new(&short[..])
            .read_to_string(&mut back)
            .unwrap();
        assert_eq!(back, text);
        assert_eq!(compressed(b"x"), None, "it would be longer");
    }
}
