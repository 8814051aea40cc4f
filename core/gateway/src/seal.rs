//! Signs checkpoints over the ledger in the background (R28), and keeps the newest in a file of its own beside the
//! database or elsewhere, so that a ledger that was cut or written anew does not go unseen.

use crate::{clock, metrics, shared::Shared};
use dndgate_store::{Checkpoint, SealKey, StoreError, ledger::seal};
use std::{
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// How often is looked at what came.
const LOOK: Duration = Duration::from_secs(1);

/// Runs until the gateway drains, and signs once more then.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut draining = shared.draining.subscribe();
    let mut since: Option<Instant> = None;
    loop {
        let over = *draining.borrow();
        if let Err(error) = look(&shared, &mut since, over).await {
            tracing::error!(%error, "no checkpoint of the ledger could be signed");
        }
        if over {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = draining.wait_for(|draining| *draining) => {}
        }
    }
}

/// Signs when it is time: `since` is when the first entry that no checkpoint covers was seen.
async fn look(shared: &Shared, since: &mut Option<Instant>, over: bool) -> Result<(), StoreError> {
    while shared.store.write(seal::tile_on).await? {}
    let unsealed = shared.store.read(seal::unsealed).await?;
    metrics::ledger_unsealed().set(unsealed as f64);
    if unsealed == 0 {
        *since = None;
        return Ok(());
    }
    let config = shared.config.load_full();
    let waited = since.get_or_insert_with(clock::tick).elapsed();
    if !over && unsealed < config.ledger.entries && waited < config.ledger.interval.0 {
        return Ok(());
    }
    let key = Arc::clone(&shared.seal_key);
    let sealed = shared.store.write(move |tx| seal::seal(tx, &key, clock::now())).await?;
    *since = None;
    if let Some(checkpoint) = sealed {
        tracing::info!(
            number = checkpoint.number,
            entries = checkpoint.size,
            "a checkpoint of the ledger was signed"
        );
        metrics::ledger_unsealed().set(0.0);
        let path = config.ledger.checkpoint.clone();
        let kept = tokio::task::spawn_blocking(move || keep(&path, &checkpoint)).await;
        if let Ok(Err(why)) = kept {
            tracing::error!(why, "the newest checkpoint is not in its file (ledger.checkpoint)");
        }
    }
    Ok(())
}

/// Puts a checkpoint in place of the one before. One that says more than this is never replaced: it is proof.
fn keep(path: &Path, checkpoint: &Checkpoint) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    match std::fs::read_to_string(path) {
        Ok(before) => {
            let before = Checkpoint::read(&before).map_err(|why| format!("{}: {why}", path.display()))?;
            if before.origin != checkpoint.origin {
                return Err(format!("{}: it is of another ledger; move it away", path.display()));
            }
            if before.size > checkpoint.size {
                return Err(format!(
                    "{}: the ledger had {} entries once, now {}; run dndgate ledger verify",
                    path.display(),
                    before.size,
                    checkpoint.size
                ));
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(told(error)),
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(told)?;
    file.write_all(checkpoint.note.as_bytes()).map_err(told)?;
    file.as_file().sync_all().map_err(told)?;
    file.persist(path).map_err(|error| told(error.error))?;
    Ok(())
}

/// The key of this installation.
pub(crate) fn key(config: &crate::Config) -> Result<SealKey, StoreError> {
    SealKey::open(&config.ledger.key)
}
