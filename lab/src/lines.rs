//! Lines of a program that is not trusted to keep them short.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Reads lines. It may be dropped while it waits, and goes on where it was.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    /// The line that is not complete.
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Longer lines are cut, in bytes.
    const LEN_MAX: usize = 16 * 1_024;

    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::new(reader),
            line: Vec::new(),
        }
    }

    /// The next line without its end; `None` when the program says nothing more.
    pub(crate) async fn next(&mut self) -> std::io::Result<Option<String>> {
        loop {
            let available = self.reader.fill_buf().await?;
            if available.is_empty() {
                return Ok(None);
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            let room = Self::LEN_MAX.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(self.take_line()));
            }
        }
    }

    /// The same with what stands behind the last line's end: the last words of a program that died.
    pub(crate) async fn next_or_rest(&mut self) -> std::io::Result<Option<String>> {
        let next = self.next().await?;
        Ok(next.or_else(|| (!self.line.is_empty()).then(|| self.take_line())))
    }

    fn take_line(&mut self) -> String {
        let line = String::from_utf8_lossy(&self.line).trim().to_owned();
        self.line.clear();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_at_their_ends_and_at_the_limit() {
        let long = "x".repeat(100_000);
        let text = format!("uciok\r\n\n{long}\nlast\nunfinished");
        let mut lines = Lines::new(text.as_bytes());
        let mut seen = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            seen.push(line);
        }
        let lengths: Vec<_> = seen.iter().map(String::len).collect();
        assert_eq!(lengths, [5, 0, 16 * 1_024, 4]);
        let mut lines = Lines::new("last\nunfinished".as_bytes());
        for expected in [Some("last"), Some("unfinished"), None] {
            assert_eq!(lines.next_or_rest().await.unwrap().as_deref(), expected);
        }
    }
}
