//! `/v1/imports`: files of contacts and suppressions, brought in while the gateway serves.

use super::{
    Admin,
    auth::{Caller, Operating},
    problem::Problem,
};
use crate::{
    apply, clock,
    import::{self, Plan, Summary},
    imports::{self, Import},
    shared::Shared,
};
use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use dndgate_import::{Encoding, Format, Options, Reader, Record, Tenants};
use dndgate_store::{Change, ImportedRow, Store, imported};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::io::AsyncWriteExt;

/// The most bytes of a file that a preview takes.
const PREVIEW_BYTES_MAX: usize = 1 << 20;
/// The most rows that a preview shows.
const PREVIEW_ROWS: usize = 20;

/// How a file is to be read.
#[derive(Deserialize, Default, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Asked {
    /// The file's name: it stands in the source of what begins, and may tell the format.
    file: Option<String>,
    /// The format, where the header does not tell.
    format: Option<String>,
    /// The encoding, where the file is not UTF-8.
    encoding: Option<String>,
    /// The tenant that all rows go to.
    tenant: Option<String>,
    /// Every address goes onto the agency's list, above the tenants.
    agency: bool,
    /// How national telephone numbers are read.
    region: Option<String>,
    /// Say what would change and change nothing.
    dry_run: bool,
}

fn options(admin: &Admin, caller: &Caller<Operating>, asked: &Asked) -> Result<Options, Problem> {
    let config = admin.shared.config.load();
    if asked.agency {
        super::agency::above_tenants(caller)?;
        if asked.tenant.is_some() {
            return Err(Problem::bad_request("the agency's list is no tenant's: leave tenant out"));
        }
    }
    let fixed = match (caller.bound_to(), asked.tenant.as_deref()) {
        (None, None) => None,
        (_, named) => Some(caller.tenant(admin, named)?),
    };
    let format = asked.format.as_deref().map(|name| {
        Format::parse(name).ok_or_else(|| {
            let all: Vec<_> = Format::ALL.into_iter().map(Format::name).collect();
            Problem::bad_request(format!("{name:?} is no format; there are {}", all.join(", ")))
        })
    });
    let encoding = asked.encoding.as_deref().map(|name| {
        Encoding::parse(name).ok_or_else(|| Problem::bad_request(format!("{name:?} is no encoding")))
    });
    let region = asked
        .region
        .as_deref()
        .map(|code| code.parse().map_err(|bad| Problem::bad_request(format!("region is {bad}"))));
    let region = region.transpose()?;
    let tenants = if asked.agency {
        import::agency_tenants(config.tenants.values().map(|one| one.region), region)
            .map_err(Problem::bad_request)?
    } else {
        Tenants { fixed, all: config.tenants.iter().map(|(name, one)| (name.clone(), one.region)).collect() }
    };
    let policies = admin.shared.policies.current();
    Ok(Options {
        file: asked.file.clone().unwrap_or_else(|| "upload".into()),
        format: format.transpose()?,
        encoding: encoding.transpose()?,
        tenants,
        region,
        unsubscribe: policies.general().unsubscribe().scope,
        unsubscribe_of: policies.unsubscribe_scopes(),
    })
}

/// Takes a file and brings it in, in the background. The body is the file itself.
#[utoipa::path(post, path = "/v1/imports", params(Asked), request_body(content = Vec<u8>, content_type = "text/csv"),
    responses((status = 202, description = "It is under way: ask for it by its id")))]
pub(crate) async fn begin(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Query(asked): Query<Asked>,
    body: Body,
) -> Result<Response, Problem> {
    let options = options(&admin, &caller, &asked)?;
    let bytes_max = admin.shared.config.load().admin.max_import.0;
    let (file, bytes) = stored(body, bytes_max, admin.shared.traffic.temp_dir.as_deref()).await?;
    let now = clock::now();
    let import = Import::new(options.file.clone(), options.tenants.fixed.clone(), asked.dry_run, now, bytes);
    let import = admin.shared.imports.begin(import).ok_or_else(|| {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-imports", "too many imports are under way")
    })?;
    let row = import.remembered(None);
    if let Err(error) = admin.shared.store.write(move |tx| imported::keep(tx, &row)).await {
        import.end(Err(error.to_string()));
        return Err(error.into());
    }
    let plan = Plan {
        options,
        agency: asked.agency,
        actor: caller.actor.clone(),
        at: now,
        pace: import::Pace::SERVING,
    };
    let (shared, running) = (Arc::clone(&admin.shared), Arc::clone(&import));
    tokio::task::spawn_blocking(move || {
        let outcome = run(&shared, &running, file, plan);
        if let Err(why) = &outcome {
            tracing::warn!(import = running.id, why, "an import ended early");
        }
        // What is told of it is remembered first.
        let row = running.remembered(Some(&outcome));
        if let Err(error) = shared.store.write_blocking(move |tx| imported::keep(tx, &row)) {
            tracing::warn!(import = running.id, %error, "what an import came to is not remembered over a restart");
        }
        running.end(outcome);
    });
    Ok((StatusCode::ACCEPTED, Json(json!({ "import": import.shown() }))).into_response())
}

/// The body in a file without a name: it goes with the process.
async fn stored(
    body: Body,
    bytes_max: u64,
    temp_dir: Option<&std::path::Path>,
) -> Result<(File, u64), Problem> {
    let broken =
        |_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-room", "the file cannot be kept for reading");
    let file = match temp_dir {
        Some(folder) => tempfile::tempfile_in(folder),
        None => tempfile::tempfile(),
    }
    .map_err(broken)?;
    let mut file = tokio::fs::File::from_std(file);
    let mut stream = body.into_data_stream();
    let mut bytes = 0u64;
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| Problem::bad_request("the file did not arrive whole"))?;
        bytes += piece.len() as u64;
        if bytes > bytes_max {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                format!("a file of more than {bytes_max} bytes: split it, or raise admin.max_import"),
            ));
        }
        file.write_all(&piece).await.map_err(broken)?;
    }
    file.flush().await.map_err(broken)?;
    let mut file = file.into_std().await;
    file.seek(SeekFrom::Start(0)).map_err(broken)?;
    Ok((file, bytes))
}

/// Counts what is read.
struct Counted {
    file: File,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(into)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

struct Watching<'a> {
    import: &'a Import,
    /// Whom to tell; nobody in a dry run.
    shared: Option<&'a Shared>,
}

impl import::Watch for Watching<'_> {
    fn left_out(&mut self, line: u64, why: &str) {
        if let Err(error) = self.import.left_out(line, why) {
            tracing::warn!(%error, line, "a row was left out, and cannot be written down");
        }
    }
    fn took(&mut self, _line: u64, _what: &dndgate_store::import::Taken) {}
    fn batch(&mut self, so_far: &Summary, changes: &[Change]) {
        self.import.progress(so_far);
        if let Some(shared) = self.shared {
            apply::announce(shared, changes);
        }
    }
    fn is_cancelled(&self) -> bool {
        self.import.cancelled.load(Ordering::Relaxed)
    }
}

fn run(shared: &Shared, import: &Import, file: File, plan: Plan) -> Result<Summary, String> {
    let source = Box::new(Counted { file, bytes: Arc::clone(&import.bytes_read) });
    if import.dry_run {
        let url = shared.config.load().store.url.clone();
        let copy = import::Copy::of(&url).map_err(|error| error.to_string())?;
        let mut watching = Watching { import, shared: None };
        return on(source, plan, copy.store(), &mut watching);
    }
    on(source, plan, &shared.store, &mut Watching { import, shared: Some(shared) })
}

fn on(source: Box<Counted>, plan: Plan, store: &Store, watch: &mut Watching<'_>) -> Result<Summary, String> {
    import::run(source, plan, store, watch).map_err(|error| error.to_string())
}

/// The newest imports, oldest first.
#[utoipa::path(get, path = "/v1/imports", responses((status = 200, description = "The imports")))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
) -> Result<Json<Value>, Problem> {
    let before = admin.shared.store.read(imported::all).await?;
    let here = admin.shared.imports.list(caller.bound_to());
    let mut all: Vec<Value> = before
        .iter()
        .filter(|row| imports::is_seen_by(row, caller.bound_to()) && !here.iter().any(|one| one.id == row.id))
        .map(imports::shown_again)
        .collect();
    all.extend(here.iter().map(|one| one.shown()));
    Ok(Json(json!({ "imports": all })))
}

/// An import of this process, or one that an earlier process began.
enum Found {
    Here(Arc<Import>),
    Before(ImportedRow),
}

impl Found {
    fn shown(&self) -> Value {
        match self {
            Found::Here(import) => import.shown(),
            Found::Before(row) => imports::shown_again(row),
        }
    }
}

async fn find(admin: &Admin, caller: &Caller<Operating>, id: String) -> Result<Found, Problem> {
    if let Some(import) = admin.shared.imports.find(&id, caller.bound_to()) {
        return Ok(Found::Here(import));
    }
    let row = admin.shared.store.read(move |tx| imported::find(tx, &id)).await?;
    row.filter(|row| imports::is_seen_by(row, caller.bound_to())).map(Found::Before).ok_or_else(|| {
        Problem::not_found(format!(
            "there is no such import; the newest {} are remembered",
            imported::IMPORTED_MAX
        ))
    })
}

/// How far an import has come.
#[utoipa::path(get, path = "/v1/imports/{id}", responses((status = 200, description = "The import")))]
pub(crate) async fn read(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "import": find(&admin, &caller, id).await?.shown() })))
}

/// Stops an import: what is in stays in.
#[utoipa::path(delete, path = "/v1/imports/{id}", responses((status = 202, description = "It stops")))]
pub(crate) async fn cancel(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let found = find(&admin, &caller, id).await?;
    if let Found::Here(import) = &found {
        import.cancelled.store(true, Ordering::Relaxed);
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "import": found.shown() }))))
}

/// Every row that was left out, with its line and why, as CSV; after a restart the first thousand.
#[utoipa::path(get, path = "/v1/imports/{id}/rejects", responses((status = 200, description = "line,why")))]
pub(crate) async fn rejects(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    const HEAD: &str = "line,why\n";
    let body = match find(&admin, &caller, id).await? {
        Found::Before(row) => Body::from(format!("{HEAD}{}", row.rejects)),
        Found::Here(import) => {
            let file = tokio::task::spawn_blocking(move || import.rejects()).await;
            let file = file.ok().and_then(Result::ok).ok_or_else(|| {
                let why = "the rows that were left out cannot be read";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-room", why)
            })?;
            let head = futures_util::stream::iter([Ok::<_, std::io::Error>(HEAD.into())]);
            match file {
                None => Body::from_stream(head),
                Some(file) => {
                    Body::from_stream(head.chain(super::exports::pieces(tokio::fs::File::from_std(file))))
                }
            }
        }
    };
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], body).into_response())
}

/// How a file would be read: its format, what its columns mean, the first rows and what is wrong with them. The body
/// is the beginning of the file.
#[utoipa::path(post, path = "/v1/imports/preview", params(Asked), request_body(content = Vec<u8>, content_type = "text/csv"),
    responses((status = 200, description = "What would be read")))]
pub(crate) async fn preview(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Query(asked): Query<Asked>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let options = options(&admin, &caller, &asked)?;
    let mut head = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| Problem::bad_request("the file did not arrive whole"))?;
        head.extend_from_slice(&piece);
        if head.len() >= PREVIEW_BYTES_MAX {
            head.truncate(PREVIEW_BYTES_MAX);
            break;
        }
    }
    let unreadable = |why: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unreadable-file", why);
    let mut reader = Reader::open(Box::new(std::io::Cursor::new(head)), options)
        .map_err(|error| unreadable(error.to_string()))?;
    let mapping: Vec<Value> = reader
        .mapping()
        .into_iter()
        .map(|(name, meaning)| json!({ "column": name, "meaning": meaning }))
        .collect();
    let (format, encoding) = (reader.format().name(), reader.encoding().name());
    let separator = reader.separator();
    let mut rows = Vec::new();
    while rows.len() < PREVIEW_ROWS {
        let Some(row) = reader.next_row().map_err(|error| unreadable(error.to_string()))? else { break };
        rows.push(shown(&row));
    }
    Ok(Json(json!({
        "format": format, "encoding": encoding, "separator": separator, "columns": mapping, "rows": rows,
    })))
}

fn shown(row: &dndgate_import::Row) -> Value {
    let claims = |claims: &[dndgate_import::Claim]| -> Vec<Value> {
        claims
            .iter()
            .map(|one| {
                json!({ "channel": one.blocks.name(), "reason": one.kind.name(), "permanent": one.permanent,
                        "code": one.code, "message": one.message, "since": one.at.map(|at| at.to_string()) })
            })
            .collect()
    };
    let mut body = match &row.read {
        Err(why) => json!({ "error": why }),
        Ok(Record::Nothing(why)) => json!({ "record": "nothing", "why": why }),
        Ok(Record::Contact(one)) => json!({
            "record": "contact", "tenant": one.tenant, "id": one.id, "fields": one.fields, "begins": claims(&one.claims),
            "addresses": one.addresses.iter()
                .map(|each| json!({ "kind": each.key.kind.name(), "value": each.shown })).collect::<Vec<_>>(),
        }),
        Ok(Record::Address(one)) => json!({
            "record": "address", "tenant": one.tenant, "begins": claims(&one.claims),
            "addresses": [{ "kind": one.key.kind.name(), "value": one.key.key }],
        }),
    };
    body["line"] = json!(row.line);
    body["leftOut"] = json!(row.left_out);
    body
}
