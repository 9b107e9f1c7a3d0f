//! A disk in memory that distinguishes flushed data, fills up, fails, and loses power.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use store::testing::StorageBackend;
use store::{EmbeddedStore, StoreError};

/// What a disk writes whole or not at all, bytes.
const SECTOR: usize = 512;

/// The disk, and one of the two files on it; clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>, usize);

#[derive(Debug, Default)]
struct FileState {
    /// What a power cut leaves for certain.
    flushed: Vec<u8>,
    /// What a reader sees.
    current: Vec<u8>,
    /// What was done since the last flush.
    unflushed: Vec<Change>,
}

#[derive(Debug, Default)]
struct State {
    /// The database and the journal.
    files: [FileState; 2],
    full: bool,
    failing: bool,
    syncs: usize,
    syncing: bool,
    sync_time: Duration,
    /// Flushes do not end as long as this is set.
    sync_held: bool,
    /// Number of writes after which the power fails.
    writes_left: Option<u64>,
}

#[derive(Debug, Clone)]
enum Change {
    Len(usize),
    Sector { offset: usize, data: Vec<u8> },
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Len(len) => bytes.resize(*len, 0),
            Self::Sector { offset, data } => {
                let end = offset + data.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*offset..end].copy_from_slice(data);
            }
        }
    }
}

impl Disk {
    /// Opens the store on it.
    pub(crate) fn open(&self) -> Result<EmbeddedStore, StoreError> {
        EmbeddedStore::on_storage(self.opener(0), self.opener(1))
    }

    fn opener(&self, file: usize) -> impl Fn() -> io::Result<Self> + Send + Sync + 'static {
        let disk = Self(Arc::clone(&self.0), file);
        move || Ok(disk.clone())
    }

    /// Changes bytes of the journal behind the store's back.
    pub(crate) fn spoil_journal(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let file = &mut state.files[1];
        change(&mut file.current);
        file.flushed = file.current.clone();
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    pub(crate) fn set_failing(&self, failing: bool) {
        self.state().failing = failing;
    }

    pub(crate) fn set_sync_time(&self, time: Duration) {
        self.state().sync_time = time;
    }

    pub(crate) fn set_sync_held(&self, held: bool) {
        self.state().sync_held = held;
    }

    pub(crate) fn syncs(&self) -> usize {
        self.state().syncs
    }

    pub(crate) async fn until_syncing(&self) {
        while !self.state().syncing {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn cut_power_after_writes(&self, writes: u64) {
        self.state().writes_left = Some(writes);
    }

    /// What is found after the power cut: all that was flushed, and of the rest any part, in any
    /// order, sector by sector.
    pub(crate) fn after_power_cut(&self, seed: u64) -> Self {
        let state = self.state();
        let mut random = seed ^ 0x9e37_79b9_7f4a_7c15;
        let files = state.files.each_ref().map(|file| {
            let mut found = file.flushed.clone();
            let mut order = BTreeMap::new();
            for change in &file.unflushed {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                // Some seeds lose most, some little.
                if (random >> 33) % 4 <= seed % 4 {
                    order.insert(random >> 20, change);
                }
            }
            for change in order.values() {
                change.apply(&mut found);
            }
            FileState {
                current: found.clone(),
                flushed: found,
                unflushed: Vec::new(),
            }
        });
        let state = State {
            files,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)), 0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn change(&mut self, file: usize, change: Change) -> io::Result<()> {
        match &mut self.writes_left {
            Some(0) => return Err(io::Error::other("the power is off")),
            Some(left) => *left -= 1,
            None => {}
        }
        if self.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = &mut self.files[file];
        change.apply(&mut file.current);
        file.unflushed.push(change);
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().files[self.1].current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let bytes = state.files[self.1]
            .current
            .get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.state().change(self.1, Change::Len(len as usize))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut offset = offset as usize;
        let mut rest = data;
        while !rest.is_empty() {
            let len = rest.len().min(SECTOR - offset % SECTOR);
            let (sector, after) = rest.split_at(len);
            let data = sector.to_vec();
            state.change(self.1, Change::Sector { offset, data })?;
            (offset, rest) = (offset + len, after);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.state().syncing = true;
        let time = self.state().sync_time;
        std::thread::sleep(time);
        while self.state().sync_held {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut state = self.state();
        state.syncing = false;
        if state.failing || state.writes_left == Some(0) {
            return Err(io::Error::other("the flush failed"));
        }
        state.syncs += 1;
        let file = &mut state.files[self.1];
        file.flushed.clone_from(&file.current);
        file.unflushed.clear();
        Ok(())
    }
}
