//! `POST /v1/contacts/{id}/evidence`: opt-in evidence for R22.

use super::{
    Admin,
    auth::{Caller, Operating},
    problem::Problem,
};
use crate::clock;
use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Multipart, Path, Request, State},
    http::{StatusCode, header},
};
use dndgate_adapter::Channel;
use dndgate_store::{EvidenceDraft, EvidenceFile, Origin, contacts, evidence};
use serde::Deserialize;
use serde_json::{Value, json};

/// What an operator states.
#[derive(Deserialize, Default, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Stated {
    channel: String,
    text: String,
    source: String,
    obtained_at: String,
}

/// Records that a person agreed to be contacted on a channel again. It ends nothing by itself: switching the
/// channel off is the next step.
#[utoipa::path(post, path = "/v1/contacts/{id}/evidence", request_body = Stated,
    responses((status = 201, description = "Recorded"), (status = 400, description = "Something is missing")))]
pub(crate) async fn file(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let media =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (stated, file) = if media.starts_with("multipart/form-data") {
        from_multipart(request).await?
    } else {
        let Json(stated) = Json::<Stated>::from_request(request, &()).await.map_err(|bad| {
            Problem::bad_request(format!(
                "send {{\"channel\",\"text\",\"source\",\"obtainedAt\"}}: {}",
                bad.body_text()
            ))
        })?;
        (stated, None)
    };
    let channel = Channel::parse(&stated.channel)
        .ok_or_else(|| Problem::bad_request("channel is not a channel's name"))?;
    let obtained_at = (stated.obtained_at.parse::<jiff::Timestamp>())
        .or_else(|_| {
            stated
                .obtained_at
                .parse::<jiff::civil::Date>()
                .and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC))
                .map(|day| day.timestamp())
        })
        .map_err(|_| Problem::bad_request("obtainedAt is not a time; write it as 2026-11-23T09:00:00Z"))?;
    if stated.text.trim().is_empty() || stated.source.trim().is_empty() {
        return Err(Problem::bad_request(
            "say in text what the person agreed to and in source where that stands",
        ));
    }
    let now = clock::now();
    if obtained_at > now {
        return Err(Problem::bad_request("obtainedAt lies in the future"));
    }
    let seen = id.clone();
    let contact = admin.shared.store.read(move |tx| contacts::get(tx, &seen)).await?;
    let contact = contact.ok_or_else(|| Problem::not_found("there is no such contact"))?;
    if caller.bound_to().is_some_and(|tenant| tenant != contact.tenant) {
        return Err(Problem::not_found("there is no such contact"));
    }
    let draft = EvidenceDraft { channel, text: stated.text, source: stated.source, obtained_at, file };
    let origin = Origin::api(&caller.actor, now);
    let filed = admin.shared.store.write(move |tx| evidence::file(tx, &contact.id, draft, &origin)).await?;
    Ok((
        StatusCode::CREATED,
        Json(json!({ "evidence": { "id": filed.id, "sha256": filed.sha256, "channel": channel.name() } })),
    ))
}

async fn from_multipart(request: Request) -> Result<(Stated, Option<EvidenceFile>), Problem> {
    let bad = |_| Problem::bad_request("the multipart body is broken or too large");
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| Problem::bad_request("the multipart body has no boundary"))?;
    let (mut stated, mut file) = (Stated::default(), None);
    while let Some(field) = form.next_field().await.map_err(bad)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            let file_name = field.file_name().unwrap_or("evidence").to_owned();
            let media_type = field.content_type().unwrap_or("application/octet-stream").to_owned();
            let bytes: Bytes = field.bytes().await.map_err(bad)?;
            file = Some(EvidenceFile { name: file_name, media_type, bytes: bytes.to_vec() });
            continue;
        }
        let value = field.text().await.map_err(bad)?;
        match name.as_str() {
            "channel" => stated.channel = value,
            "text" => stated.text = value,
            "source" => stated.source = value,
            "obtainedAt" => stated.obtained_at = value,
            other => return Err(Problem::bad_request(format!("there is no field {other:?}"))),
        }
    }
    Ok((stated, file))
}
