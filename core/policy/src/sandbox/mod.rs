//! Where scripts run: a Lua without file system, network, process, chance or clock, with limits on time, steps and
//! memory.
//!
//! Nothing of a run is left for the next: globals and libraries are read-only, and the file's own chunk is
//! run anew each time, so that its locals begin afresh ([`Chunk`]).

mod fault;
mod guards;
mod meter;
mod pool;

pub(crate) use fault::{Fault, shortened};
pub(crate) use pool::Pool;
pub use pool::faults;

use meter::{Meter, Stop};
use mlua::{Function, Lua, LuaOptions, StdLib, Table, VmState, chunk::ChunkMode};
use std::{sync::Arc, time::Duration};

/// What one run of a script may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time that it may use of a core. By the clock it may take [`WAITS_MAX`] times that, on a machine where it has to
    /// wait for one.
    pub time: Duration,
    /// Steps: passages of a loop, calls, and steps of a pattern.
    pub steps_max: u64,
    /// Memory of the Lua state, in bytes.
    pub memory_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { time: Duration::from_millis(50), steps_max: 1_000_000, memory_bytes_max: 16 << 20 }
    }
}

impl Limits {
    /// Reading a file takes longer than judging one message, and nobody waits for it.
    pub(crate) fn for_loading(self) -> Limits {
        let time = self.time.max(Duration::from_millis(50)) * 20;
        Limits { time, steps_max: self.steps_max.saturating_mul(20), ..self }
    }
}

/// A run that has used less of a core than it may is let go on for so many times as long by the clock.
const WAITS_MAX: u32 = 10;

/// One Lua state.
#[derive(Debug)]
pub(crate) struct Sandbox {
    lua: Lua,
    meter: Arc<Meter>,
    limits: Limits,
}

/// A policy file, compiled in one sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Chunk(Function);

impl Sandbox {
    /// A fresh state.
    pub(crate) fn new(limits: Limits) -> Result<Sandbox, Fault> {
        Sandbox::with(limits, false)
    }

    /// A fresh state in which a name that means nothing is an error, and not nil: most often it is a text without
    /// quotes, and a list of such words would be empty.
    pub(crate) fn strict(limits: Limits) -> Result<Sandbox, Fault> {
        Sandbox::with(limits, true)
    }

    fn with(limits: Limits, strict: bool) -> Result<Sandbox, Fault> {
        let libraries =
            StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::BIT | StdLib::UTF8 | StdLib::COROUTINE;
        let lua = Lua::new_with(libraries, LuaOptions::new()).map_err(|error| Fault::of(&error))?;
        let meter = Arc::new(Meter::new());
        guards::install(&lua).map_err(|error| Fault::of(&error))?;
        if strict {
            guards::know_all_names(&lua).map_err(|error| Fault::of(&error))?;
        }
        let seen = Arc::clone(&meter);
        lua.set_interrupt(move |_| {
            if seen.step() { Ok(VmState::Continue) } else { Err(mlua::Error::runtime("stopped")) }
        });
        lua.sandbox(true).map_err(|error| Fault::of(&error))?;
        // The sandbox gives scripts a writable layer over the globals; without this, it would outlive a run.
        lua.globals().set_readonly(true);
        lua.set_memory_limit(limits.memory_bytes_max).map_err(|error| Fault::of(&error))?;
        Ok(Sandbox { lua, meter, limits })
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
        self.meter.start(self.limits);
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
        match self.meter.stop() {
            None => outcome,
            Some(Stop::Time) => Err(Fault::Time(self.limits.time)),
            Some(Stop::Steps) => Err(Fault::Steps(self.limits.steps_max)),
        }
    }

    /// Takes out the garbage when there is so much of it that the next run would have less than its share.
    fn tidy(&self) {
        if self.lua.used_memory() > self.limits.memory_bytes_max / 4 {
            // Fails only for finalisers that fail, and scripts cannot have any.
            let _ = self.lua.gc_collect();
        }
    }
}
