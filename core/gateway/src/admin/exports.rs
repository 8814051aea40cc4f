//! `/v1/exports`: contacts with their DND states, and suppression lists, as streams.

use super::{
    Admin,
    auth::{Caller, Operating},
    problem::Problem,
};
use crate::export::{self, What};
use axum::{
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use dndgate_import::write::Syntax;
use futures_util::{Stream, stream};
use serde::Deserialize;
use std::io;
use tokio::{io::AsyncReadExt, sync::mpsc};

/// Pages that may wait for the client.
const PAGES_AHEAD: usize = 4;
const PIECE_BYTES: usize = 64 << 10;

#[derive(Deserialize, Default, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    /// The only tenant to write.
    tenant: Option<String>,
    /// `csv` or `ndjson`, for contacts.
    format: Option<String>,
}

/// `contacts`, or a suppression list: `mailgun`, `sendgrid`, `twilio`, or one of their lists by its format's name.
#[utoipa::path(get, path = "/v1/exports/{what}", params(("what" = String, Path), Asked),
    responses((status = 200, description = "The file")))]
pub(crate) async fn write(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let what = match (name.as_str(), asked.format.as_deref()) {
        ("contacts", None | Some("csv")) => What::Contacts(Syntax::Csv),
        ("contacts", Some("ndjson")) => What::Contacts(Syntax::Ndjson),
        ("contacts", Some(_)) => return Err(Problem::bad_request("format is neither csv nor ndjson")),
        (list, _) => What::list(list).ok_or_else(|| {
            Problem::not_found("there is no such list; see the documentation of dndgate export")
        })?,
    };
    let config = admin.shared.config.load();
    let tenants = match (caller.bound_to(), asked.tenant.as_deref()) {
        (None, None) => config.tenants.keys().cloned().collect(),
        (_, named) => vec![caller.tenant(&admin, named)?],
    };
    let (store, listed) = (admin.shared.store.clone(), crate::listed(&config));
    let (pages, written) = mpsc::channel::<io::Result<Bytes>>(PAGES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let mut sink = |text: String| {
            if text.is_empty() { Ok(()) } else { pages.blocking_send(Ok(text.into())).map_err(|_| gone()) }
        };
        if let Err(error) = export::run(&store, &tenants, what, listed, &mut sink) {
            // The client sees a stream that is cut off, not one that ends well.
            let _ = pages.blocking_send(Err(io::Error::other(error.to_string())));
        }
    });
    let ending = if matches!(what, What::Contacts(Syntax::Ndjson)) { "ndjson" } else { "csv" };
    let headers = [
        (header::CONTENT_TYPE, what.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{ending}\"")),
    ];
    let body =
        stream::unfold(
            written,
            |mut written| async move { written.recv().await.map(|page| (page, written)) },
        );
    Ok((headers, Body::from_stream(body)).into_response())
}

/// A file, piece by piece.
pub(super) fn pieces(file: tokio::fs::File) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let mut piece = vec![0; PIECE_BYTES];
        match file.read(&mut piece).await {
            Ok(0) => None,
            Ok(count) => {
                piece.truncate(count);
                Some((Ok(piece.into()), Some(file)))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
}
