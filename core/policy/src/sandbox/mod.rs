//! Where scripts run: a Lua without file system, network, process or clock, with limits on time and memory.
//!
//! Nothing of a run is left for the next: globals and libraries are read-only, and the file's own chunk is
//! run anew each time, so that its locals begin afresh ([`Chunk`]).

mod fault;
mod guards;
mod pool;

pub(crate) use fault::{Fault, shortened};
pub(crate) use pool::Pool;

use mlua::{Function, Lua, LuaOptions, StdLib, Table, VmState, chunk::ChunkMode};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// What one run of a script may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time by the clock.
    pub time: Duration,
    /// Memory of the Lua state, in bytes.
    pub memory_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { time: Duration::from_millis(50), memory_bytes_max: 16 << 20 }
    }
}

impl Limits {
    /// Reading a file takes longer than judging one message, and nobody waits for it.
    pub(crate) fn for_loading(self) -> Limits {
        Limits { time: self.time.max(Duration::from_millis(50)) * 20, ..self }
    }
}

/// One Lua state.
#[derive(Debug)]
pub(crate) struct Sandbox {
    lua: Lua,
    clock: Arc<Clock>,
    limits: Limits,
}

/// A policy file, compiled in one sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Chunk(Function);

/// When the run under way has to end. A stop is for good: once time is over every further step of the
/// script fails, whatever it catches, until its outermost call has ended.
#[derive(Debug)]
struct Clock {
    began: Instant,
    /// Nanoseconds after `began`; `u64::MAX` when nothing runs.
    deadline: AtomicU64,
    over: AtomicBool,
}

impl Clock {
    fn nanoseconds(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn start(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.over.store(false, Ordering::Relaxed);
        self.deadline.store(self.nanoseconds().saturating_add(time), Ordering::Relaxed);
    }

    /// Is the time of the run over?
    fn is_over(&self) -> bool {
        if self.nanoseconds() <= self.deadline.load(Ordering::Relaxed) {
            return false;
        }
        self.over.store(true, Ordering::Relaxed);
        true
    }

    /// Ends the run and says whether its time was over.
    fn stop(&self) -> bool {
        self.deadline.store(u64::MAX, Ordering::Relaxed);
        self.over.load(Ordering::Relaxed)
    }
}

impl Sandbox {
    /// A fresh state.
    pub(crate) fn new(limits: Limits) -> Result<Sandbox, Fault> {
        let libraries =
            StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::BIT | StdLib::UTF8 | StdLib::COROUTINE;
        let lua = Lua::new_with(libraries, LuaOptions::new()).map_err(|error| Fault::of(&error))?;
        let clock = Arc::new(Clock {
            began: Instant::now(),
            deadline: AtomicU64::new(u64::MAX),
            over: AtomicBool::new(false),
        });
        guards::install(&lua).map_err(|error| Fault::of(&error))?;
        let seen = Arc::clone(&clock);
        lua.set_interrupt(move |_| {
            if seen.is_over() { Err(mlua::Error::runtime("time is over")) } else { Ok(VmState::Continue) }
        });
        lua.sandbox(true).map_err(|error| Fault::of(&error))?;
        // The sandbox gives scripts a writable layer over the globals; without this, it would outlive a run.
        lua.globals().set_readonly(true);
        lua.set_memory_limit(limits.memory_bytes_max).map_err(|error| Fault::of(&error))?;
        Ok(Sandbox { lua, clock, limits })
    }

    /// Compiles a file. Text only: compiled Lua is refused.
    pub(crate) fn compile(&self, file: &str, source: &str) -> Result<Chunk, Fault> {
        let chunk = self.lua.load(source).set_name(format!("={file}")).set_mode(ChunkMode::Text);
        chunk.into_function().map(Chunk).map_err(|error| Fault::of(&error))
    }

    /// Runs a file and shows the table that it returns to `read`, under the limits.
    pub(crate) fn run<R>(
        &self,
        chunk: &Chunk,
        read: impl FnOnce(&Lua, Table) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        self.clock.start(self.limits.time);
        let outcome = match chunk.0.call::<mlua::Value>(()) {
            Ok(mlua::Value::Table(table)) => read(&self.lua, table),
            Ok(other) => Err(Fault::Script {
                line: None,
                what: format!(
                    "the file has to return a table, `return {{ … }}`, but it returns {}",
                    if other.is_nil() { "nothing" } else { other.type_name() }
                ),
            }),
            Err(error) => Err(Fault::of(&error)),
        };
        // Even a run that came to an answer by catching its stop is a fault.
        if self.clock.stop() { Err(Fault::Time(self.limits.time)) } else { outcome }
    }

    /// Takes out the garbage when there is so much of it that the next run would have less than its share.
    fn tidy(&self) {
        if self.lua.used_memory() > self.limits.memory_bytes_max / 4 {
            // Fails only for finalisers that fail, and scripts cannot have any.
            let _ = self.lua.gc_collect();
        }
    }
}
