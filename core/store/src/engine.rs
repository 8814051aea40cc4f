//! The store as others see it: one writer with group commit, a few readers, the cache.

use crate::{
    cache::{AGENCY, Cache},
    error::{Result, StoreError},
    rows::Rows,
    search,
    sqlite::Sqlite,
    tx::Tx,
};
use dndgate_adapter::Channels;
use dndgate_dnd::{AddressKey, Suppressed};
use std::{
    collections::HashSet,
    fs::{File, TryLockError},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// The most changes in one commit: a batch ends when the previous commit does, so that this bounds memory only.
const BATCH_MAX: usize = 512;
/// The most jobs of a long import in one commit, and the longest that it stays open. The fewer commits, the less is
/// written twice: each holds every page of an index that anything new came to.
const BULK_BATCH_MAX: usize = 48;
const BULK_OPEN_MAX: Duration = Duration::from_secs(15);
/// How long a long import's commit waits for more.
const BULK_PATIENCE: Duration = Duration::from_millis(100);
/// The most changes that wait.
const QUEUE_MAX: usize = 16_384;
/// Threads that read.
const READERS: usize = 2;
/// Addresses handed at a time to the thread that fills the cache, and how many such hand-overs may wait.
const FILL_BATCH: usize = 4096;
const FILL_BATCHES: usize = 16;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:path`.
    pub url: String,
    /// Threads that read.
    pub readers: usize,
    /// The size at which the database refuses to grow, in pages of 4 KiB; for tests of a full disk.
    pub pages_max: Option<u32>,
    /// For long imports with nobody else about: more memory for pages, a longer log before it is taken over, many
    /// jobs in a commit. To be ended with [`Store::close`].
    pub bulk: bool,
    /// A copy that is thrown away: nothing is made durable.
    pub throwaway: bool,
}

impl Options {
    /// The usual options.
    pub fn new(url: &str) -> Options {
        Options { url: url.to_owned(), readers: READERS, pages_max: None, bulk: false, throwaway: false }
    }
}

type Answer = Box<dyn FnOnce(Result<()>) + Send>;
type Job = Box<dyn FnOnce(&mut Tx<'_>) -> (bool, Answer) + Send>;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    cache: Arc<Cache>,
    listed: Arc<AtomicU8>,
    writable: Arc<AtomicBool>,
    writes: Option<SyncSender<Job>>,
    reads: SyncSender<Job>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Held while this process changes DND and answers from its cache.
    _alone: Option<File>,
}

impl Store {
    /// Opens a store, making it or bringing it up to date where needed.
    ///
    /// # Errors
    /// When the URL names none, or it cannot be opened.
    pub fn open(options: &Options) -> Result<Store> {
        Store::open_with(options, None)
    }

    /// Opens a store as the one process that changes DND in it: to serve, or to import while nothing serves. A
    /// second one would not hear of the first one's changes, and would let sends through.
    ///
    /// # Errors
    /// As [`Store::open`], and [`StoreError::Held`] while another process has it.
    pub fn open_alone(options: &Options) -> Result<Store> {
        let alone = alone(path(&options.url)?)?;
        Store::open_with(options, Some(alone))
    }

    fn open_with(options: &Options, alone: Option<File>) -> Result<Store> {
        let path = path(&options.url)?;
        let mut writer = Sqlite::open(path)?;
        if let Some(pages) = options.pages_max {
            writer.limit_pages(pages)?;
        }
        if options.throwaway {
            writer.throw_away()?;
        }
        let key = writer.transaction(|rows| crate::meta::secret_of(rows, "cache"))?;
        writer.transaction(|rows| crate::ledger::seal::name(rows))?;
        let count = writer.transaction(|rows| rows.live_count())?;
        let cache = Arc::new(Cache::new(half(&key), usize::try_from(count).unwrap_or(0)));
        while !writer.transaction(|rows| search::index_older(&mut Tx::new(rows, &cache, Channels::ALL)))? {}
        if options.bulk {
            writer.begin_bulk()?;
        }
        Store::start(options, path, cache, Some(writer), alone)
    }

    /// Opens an existing store to look at it, while another process may be writing.
    ///
    /// # Errors
    /// When there is none, or it is of another version.
    pub fn open_read_only(options: &Options) -> Result<Store> {
        let path = path(&options.url)?;
        let mut reader = Sqlite::open_read_only(path)?;
        let key = reader.transaction(|rows| rows.meta("cache"))?;
        let key = key.ok_or_else(|| StoreError::Corrupt("it was never used".into()))?;
        let key = <[u8; 32]>::try_from(key).map_err(|_| StoreError::Corrupt("its cache key".into()))?;
        Store::start(options, path, Arc::new(Cache::new(half(&key), 0)), None, None)
    }

    fn start(
        options: &Options,
        path: &str,
        cache: Arc<Cache>,
        writer: Option<Sqlite>,
        alone: Option<File>,
    ) -> Result<Store> {
        let listed = Arc::new(AtomicU8::new(Channels::ALL.bits()));
        let writable = Arc::new(AtomicBool::new(writer.is_some()));
        let (reads, to_read) = sync_channel::<Job>(QUEUE_MAX);
        let to_read = Arc::new(Mutex::new(to_read));
        for index in 0..options.readers.max(1) {
            let mut reader = Sqlite::open_read_only(path)?;
            let (to_read, cache, listed) = (Arc::clone(&to_read), Arc::clone(&cache), Arc::clone(&listed));
            thread(&format!("store-reader-{index}"), move || {
                while let Some(job) = next(&to_read) {
                    read(&mut reader, job, &cache, &listed);
                }
            })?;
        }
        let (writes, writer) = match writer {
            None => (None, None),
            Some(writer) => {
                let (writes, to_write) = sync_channel::<Job>(QUEUE_MAX);
                let writer = Writer {
                    database: writer,
                    cache: Arc::clone(&cache),
                    listed: Arc::clone(&listed),
                    writable: Arc::clone(&writable),
                    bulk: options.bulk,
                };
                (Some(writes), Some(thread("store-writer", move || writer.run(&to_write))?))
            }
        };
        let writer = Mutex::new(writer);
        Ok(Store(Arc::new(Inner { cache, listed, writable, writes, reads, writer, _alone: alone })))
    }

    /// Ends the store, if nobody else uses it, and waits until its file is in order.
    pub fn close(self) {
        let writer = self.0.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if Arc::strong_count(&self.0) > 1 {
            return;
        }
        drop(self);
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the store's writer ended badly");
        }
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// Did the last commit succeed?
    pub fn is_writable(&self) -> bool {
        self.0.writable.load(Ordering::Relaxed)
    }

    /// Tells which channels are integrated, for the overall status in events (R3).
    pub fn set_listed(&self, listed: Channels) {
        self.0.listed.store(listed.bits(), Ordering::Relaxed);
    }

    /// Fills the cache. Changes wait meanwhile, so that none is missed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn fill_cache(&self) -> Result<u64> {
        let cache = Arc::clone(&self.0.cache);
        self.write_blocking(move |tx| {
            // One thread reads, another fills: either alone would be the other's brake.
            std::thread::scope(|threads| {
                let (batches, filled) = sync_channel::<Vec<(u64, Suppressed)>>(FILL_BATCHES);
                let into = &cache;
                threads.spawn(move || {
                    filled.iter().flatten().for_each(|(hash, suppressed)| into.add(hash, suppressed));
                });
                let mut batch = Vec::with_capacity(FILL_BATCH);
                tx.rows.each_live(&mut |tenant, kind, key, blocks, reason| {
                    let address = match key.strip_prefix("h:") {
                        Some(erased) => u64::from_str_radix(erased, 16).unwrap_or_default(),
                        None => cache.address(kind, key.as_bytes()),
                    };
                    if tenant == AGENCY {
                        cache.use_agency();
                    }
                    batch.push((cache.place(tenant, address), Suppressed::one(reason, blocks)));
                    if batch.len() == FILL_BATCH {
                        let full = std::mem::replace(&mut batch, Vec::with_capacity(FILL_BATCH));
                        // The other thread lives as long as this scope.
                        let _ = batches.send(full);
                    }
                })?;
                let _ = batches.send(batch);
                Ok::<_, StoreError>(())
            })?;
            // Where DND of one tenant counts in all, what one was told of names does too.
            if cache.is_global() {
                let mut named = Vec::new();
                tx.rows.each_same(AGENCY, &mut |address| named.push(address))?;
                for address in named {
                    let now = tx.in_force(AGENCY, &address)?;
                    cache.add(tx.place(AGENCY, &address), now);
                }
            }
            cache.finish();
            Ok(cache.len() as u64)
        })
    }

    /// Changes the store. When this returns, the change is on disk and in the cache.
    ///
    /// # Errors
    /// What `work` says, or that it could not be made durable; then nothing was changed.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let answer = self.queue(self.0.writes.as_ref(), work)?;
        answer.await.map_err(|_| StoreError::Unavailable("its writer ended".into()))?
    }

    /// [`Store::write`] for threads that may block.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.begin_write(work)?.wait()
    }

    /// [`Store::write_blocking`] in two steps, so that more can be handed over before the first is durable.
    ///
    /// # Errors
    /// When more waits than the store takes.
    pub fn begin_write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<Pending<T>> {
        self.queue(self.0.writes.as_ref(), work).map(Pending)
    }

    /// Reads the store.
    ///
    /// # Errors
    /// What `work` says.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let answer = self.queue(Some(&self.0.reads), work)?;
        answer.await.map_err(|_| StoreError::Unavailable("its reader ended".into()))?
    }

    /// [`Store::read`] for threads that may block.
    ///
    /// # Errors
    /// What `work` says.
    pub fn read_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let answer = self.queue(Some(&self.0.reads), work)?;
        answer.blocking_recv().map_err(|_| StoreError::Unavailable("its reader ended".into()))?
    }

    fn queue<T: Send + 'static>(
        &self,
        queue: Option<&SyncSender<Job>>,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T>>> {
        let queue = queue.ok_or_else(|| StoreError::Unavailable("it was opened to be read only".into()))?;
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |tx| {
            let outcome = work(tx);
            let good = outcome.is_ok();
            (
                good,
                Box::new(move |durable| drop(sender.send(outcome.and_then(|value| durable.map(|()| value))))),
            )
        });
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Unavailable("it is closed".into()),
        })?;
        Ok(receiver)
    }
}

/// A change on its way.
pub struct Pending<T>(oneshot::Receiver<Result<T>>);

impl<T> Pending<T> {
    /// Blocks until the change is on disk and in the cache.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn wait(self) -> Result<T> {
        self.0.blocking_recv().map_err(|_| StoreError::Unavailable("its writer ended".into()))?
    }
}

fn path(url: &str) -> Result<&str> {
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return Err(StoreError::Url(
            "PostgreSQL is not built into this version; write sqlite:dndgate.db".into(),
        ));
    }
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(path),
        _ => Err(StoreError::Url(format!("{url:?} is not a store; write sqlite:dndgate.db"))),
    }
}

/// Takes the lock beside a store's file. It is the operating system's: it ends with the process, however that ends.
fn alone(path: &str) -> Result<File> {
    let beside = format!("{path}-lock");
    let cannot = |error: std::io::Error| StoreError::Unavailable(format!("cannot open {beside}: {error}"));
    if let Some(folder) = Path::new(path).parent() {
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    let file = File::options().create(true).truncate(false).write(true).open(&beside).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Held(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

/// Copies a store as it is now into a new file, whoever is using it.
///
/// # Errors
/// When it cannot be read or the copy cannot be written.
pub fn copy(options: &Options, to: &Path) -> Result<()> {
    Sqlite::copy(path(&options.url)?, to)
}

fn half(key: &[u8; 32]) -> [u8; 16] {
    std::array::from_fn(|index| key[index])
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned.map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv().ok()
}

fn read(reader: &mut Sqlite, job: Job, cache: &Cache, listed: &AtomicU8) {
    let mut held = Some(job);
    let done = reader.transaction(|rows| {
        let mut tx = Tx::new(rows, cache, Channels::from_bits(listed.load(Ordering::Relaxed)));
        Ok(held.take().map(|job| job(&mut tx).1))
    });
    match done {
        Ok(Some(answer)) => answer(Ok(())),
        Ok(None) => {}
        // The transaction could not begin: the job hears so when its sender is dropped.
        Err(error) => tracing::error!(%error, "the store could not be read"),
    }
}

struct Writer {
    database: Sqlite,
    cache: Arc<Cache>,
    listed: Arc<AtomicU8>,
    writable: Arc<AtomicBool>,
    bulk: bool,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            self.batch(first, queue);
        }
        if self.bulk
            && let Err(error) = self.database.end_bulk()
        {
            tracing::warn!(%error, "the store could not be put in order after a long import; the next start does it");
        }
    }

    /// Everything that waits goes into one commit.
    fn batch(&mut self, first: Job, queue: &Receiver<Job>) {
        let listed = Channels::from_bits(self.listed.load(Ordering::Relaxed));
        let mut answers: Vec<Answer> = Vec::new();
        let mut touched: HashSet<(String, AddressKey)> = HashSet::new();
        let mut blocked: Vec<(String, AddressKey, Suppressed)> = Vec::new();
        let mut waiting = Some(first);
        let cache = &self.cache;
        let (bulk, begun) = (self.bulk, Instant::now());
        let committed = self.database.transaction(|rows| {
            while let Some(job) = waiting.take() {
                // In bulk all jobs of a commit are taken, or none: what takes one back alone costs as much as the job.
                if !bulk {
                    rows.savepoint()?;
                }
                let mut tx = Tx::new(rows, cache, listed);
                let (good, answer) = job(&mut tx);
                let mut job_touched = std::mem::take(&mut tx.touched);
                let mut job_blocked = std::mem::take(&mut tx.blocked);
                let named = with_names(&mut tx, &mut job_touched, &mut job_blocked);
                // Blocks count before they are durable, ends only after.
                let early = named.and_then(|()| {
                    if !good {
                        return Ok(());
                    }
                    search::index(&mut tx, &job_touched).and_then(|()| block_early(&mut tx, &job_touched))
                });
                touched.extend(job_touched.drain());
                if good && early.is_ok() {
                    for (tenant, address, more) in &job_blocked {
                        cache.add(
                            cache.place(tenant, cache.address(address.kind, address.key.as_bytes())),
                            *more,
                        );
                        if tenant == AGENCY {
                            cache.use_agency();
                        }
                    }
                    blocked.extend(job_blocked);
                    if !bulk {
                        rows.release()?;
                    }
                    answers.push(answer);
                } else if bulk {
                    answer(early);
                    return Err(StoreError::Unavailable("another part of the same commit failed".into()));
                } else {
                    rows.roll_back()?;
                    answer(early);
                }
                waiting = if bulk {
                    let is_open = answers.len() < BULK_BATCH_MAX && begun.elapsed() < BULK_OPEN_MAX;
                    is_open.then(|| queue.recv_timeout(BULK_PATIENCE).ok()).flatten()
                } else if answers.len() < BATCH_MAX {
                    queue.try_recv().ok()
                } else {
                    None
                };
            }
            Ok(())
        });
        self.writable.store(committed.is_ok(), Ordering::Relaxed);
        if committed.is_err() {
            touched.extend(blocked.into_iter().map(|(tenant, address, _)| (tenant, address)));
        }
        if let Err(error) = self.refresh(&touched) {
            tracing::error!(%error, "the cache keeps more blocked than is on disk");
        }
        match committed {
            Ok(()) => answers.into_iter().for_each(|answer| answer(Ok(()))),
            Err(error) => {
                tracing::error!(%error, changes = answers.len(), "changes could not be made durable");
                let why = error.to_string();
                answers.into_iter().for_each(|answer| answer(Err(StoreError::Unavailable(why.clone()))));
            }
        }
    }

    /// Makes the cache say of these addresses what the rows say.
    fn refresh(&mut self, touched: &HashSet<(String, AddressKey)>) -> Result<()> {
        if touched.is_empty() {
            return Ok(());
        }
        let cache = &self.cache;
        self.database.transaction(|rows| {
            let mut tx = Tx::new(rows, cache, Channels::ALL);
            for (tenant, address) in touched {
                let now = tx.cacheable(tenant, address)?;
                cache.set(tx.place(tenant, address), now);
            }
            Ok(())
        })
    }
}

/// What concerns an address concerns it under its other names.
fn with_names(
    tx: &mut Tx<'_>,
    touched: &mut HashSet<(String, AddressKey)>,
    blocked: &mut Vec<(String, AddressKey, Suppressed)>,
) -> Result<()> {
    for (tenant, address) in touched.clone() {
        for name in tx.names(&tenant, &address)? {
            touched.insert((tenant.clone(), name));
        }
    }
    for index in 0..blocked.len() {
        let (tenant, address, more) = blocked[index].clone();
        for name in tx.names(&tenant, &address)?.into_iter().skip(1) {
            blocked.push((tenant.clone(), name, more));
        }
    }
    Ok(())
}

fn block_early(tx: &mut Tx<'_>, touched: &HashSet<(String, AddressKey)>) -> Result<()> {
    for (tenant, address) in touched {
        let now = tx.suppressed(tenant, address)?;
        tx.cache.add(tx.place(tenant, address), now);
        if tenant == AGENCY {
            tx.cache.use_agency();
        }
    }
    Ok(())
}

/// A database that runs transactions. `Rows` plus the bounds of a job in a batch.
pub(crate) trait Batch: Rows {
    /// Begins a part that can be taken back alone.
    fn savepoint(&mut self) -> Result<()>;
    /// Keeps the part.
    fn release(&mut self) -> Result<()>;
    /// Takes the part back.
    fn roll_back(&mut self) -> Result<()>;
}
