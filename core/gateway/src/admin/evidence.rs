//! Opt-in evidence for R22: filed, read back, approved or rejected by a second person.

use super::{
    Admin,
    auth::{Caller, Operating, Requires},
    problem::Problem,
};
use crate::clock;
use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Multipart, Path, Query, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::Standing;
use dndgate_store::{ContactView, EvidenceDraft, EvidenceFile, EvidenceRow, Origin, contacts, evidence};
use serde::Deserialize;
use serde_json::{Value, json};

/// The most pieces of evidence in one answer.
const LIST_MAX: usize = 1_000;

/// What an operator states.
#[derive(Deserialize, Default, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Stated {
    channel: String,
    text: String,
    source: String,
    obtained_at: String,
}

/// A contact that the caller may see.
pub(super) async fn visible<R: Requires>(
    admin: &Admin,
    caller: &Caller<R>,
    id: &str,
) -> Result<ContactView, Problem> {
    let wanted = id.to_owned();
    let contact = admin.shared.store.read(move |tx| contacts::get(tx, &wanted)).await?;
    let seen = contact.filter(|contact| caller.bound_to().is_none_or(|tenant| tenant == contact.tenant));
    seen.ok_or_else(|| Problem::not_found("there is no such contact"))
}

/// A piece of evidence that the caller may see.
async fn seen(admin: &Admin, caller: &Caller<Operating>, id: &str) -> Result<EvidenceRow, Problem> {
    let wanted = id.to_owned();
    let row = admin.shared.store.read(move |tx| evidence::get(tx, &wanted)).await?;
    let row = row.filter(|row| caller.bound_to().is_none_or(|tenant| tenant == row.tenant));
    row.ok_or_else(|| Problem::not_found("there is no such evidence"))
}

fn shown(row: &EvidenceRow) -> Value {
    json!({
        "id": row.id,
        "contactId": row.contact,
        "locationId": row.tenant,
        "channel": row.channel.name(),
        "text": row.text,
        "source": row.source,
        "obtainedAt": row.obtained_at.to_string(),
        "recordedAt": row.recorded_at.to_string(),
        "filedBy": row.filed_by,
        "sha256": row.sha256,
        "status": row.standing.name(),
        "countsFrom": row.counts_from.map(|at| at.to_string()),
        "decidedBy": row.decided.as_ref().map(|decided| &decided.by),
        "decidedAt": row.decided.as_ref().map(|decided| decided.at.to_string()),
        "decidedWhy": row.decided.as_ref().map(|decided| &decided.why),
        "file": row.file.as_ref().map(|file| json!({
            "name": file.name, "mediaType": file.media_type, "bytes": file.bytes, "sha256": file.sha256,
        })),
    })
}

/// Records that a person agreed to be contacted on a channel again. It ends nothing by itself: switching the
/// channel off is the next step.
#[utoipa::path(post, path = "/v1/contacts/{id}/evidence", request_body = Stated,
    responses((status = 201, description = "Recorded"), (status = 400, description = "Something is missing"),
              (status = 413, description = "Too large"), (status = 415, description = "Not a kind of file that is taken")))]
pub(crate) async fn file(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let limits = admin.shared.config.load().evidence.clone();
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
    let obtained_at = moment(&stated.obtained_at)
        .ok_or_else(|| Problem::bad_request("obtainedAt is not a time; write it as 2026-11-23T09:00:00Z"))?;
    if stated.text.trim().is_empty() || stated.source.trim().is_empty() {
        return Err(Problem::bad_request(
            "say in text what the person agreed to and in source where that stands",
        ));
    }
    let too_large = |what: &str, max: u64| {
        let title = format!("{what} is longer than {max} bytes (evidence.text_max, evidence.file_max)");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", title)
    };
    if (stated.text.len() + stated.source.len()) as u64 > limits.text_max.0 {
        return Err(too_large("the text with its source", limits.text_max.0));
    }
    if let Some(file) = &file {
        if file.bytes.len() as u64 > limits.file_max.0 {
            return Err(too_large("the file", limits.file_max.0));
        }
        if !limits.file_types.iter().any(|one| one.eq_ignore_ascii_case(&file.media_type)) {
            let title = format!("a file is one of: {} (evidence.file_types)", limits.file_types.join(", "));
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "file-type", title));
        }
    }
    let now = clock::now();
    if obtained_at > now {
        return Err(Problem::bad_request("obtainedAt lies in the future"));
    }
    let contact = visible(&admin, &caller, &id).await?;
    let draft = EvidenceDraft { channel, text: stated.text, source: stated.source, obtained_at, file };
    let (origin, rules) = (Origin::api(&caller.actor, now), limits.rules());
    let filed =
        admin.shared.store.write(move |tx| evidence::file(tx, &contact.id, draft, &rules, &origin)).await?;
    Ok((StatusCode::CREATED, Json(json!({ "evidence": shown(&filed) }))))
}

/// A time, or a day's beginning in UTC.
fn moment(written: &str) -> Option<jiff::Timestamp> {
    let day = || written.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    written.parse().ok().or_else(|| day().map(|day| day.timestamp()))
}

async fn from_multipart(request: Request) -> Result<(Stated, Option<EvidenceFile>), Problem> {
    let bad = |error: axum::extract::multipart::MultipartError| {
        Problem::new(
            error.status(),
            "bad-request",
            "the multipart body is broken or too large (evidence.file_max)",
        )
    };
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| Problem::bad_request("the multipart body has no boundary"))?;
    let (mut stated, mut file) = (Stated::default(), None);
    while let Some(field) = form.next_field().await.map_err(bad)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            if file.is_some() {
                return Err(Problem::bad_request("send one file"));
            }
            let file_name = field.file_name().unwrap_or("evidence").to_owned();
            let media_type = field.content_type().unwrap_or("application/octet-stream");
            let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
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

/// A contact's evidence, oldest first.
#[utoipa::path(get, path = "/v1/contacts/{id}/evidence", responses((status = 200, description = "The evidence")))]
pub(crate) async fn of_contact(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let contact = visible(&admin, &caller, &id).await?;
    let all = admin.shared.store.read(move |tx| evidence::of(tx, &contact.id)).await?;
    Ok(Json(json!({ "evidence": all.iter().map(shown).collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    status: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// Evidence of one standing, `pending` when none is named, in the order of filing.
#[utoipa::path(get, path = "/v1/evidence",
    params(("status" = Option<String>, Query), ("after" = Option<String>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, description = "The evidence, and the id to go on after")))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Query(wanted): Query<Listing>,
) -> Result<Json<Value>, Problem> {
    let standing = wanted.status.as_deref().unwrap_or("pending");
    let standing = Standing::parse(standing)
        .ok_or_else(|| Problem::bad_request("status is one of: pending, approved, rejected"))?;
    let tenant = caller.bound_to().map(str::to_owned);
    let (after, limit) = (wanted.after.unwrap_or_default(), wanted.limit.unwrap_or(100).clamp(1, LIST_MAX));
    let store = &admin.shared.store;
    let all = store.read(move |tx| evidence::with(tx, standing, tenant.as_deref(), &after, limit)).await?;
    let next = all.last().filter(|_| all.len() == limit).map(|row| row.id.clone());
    Ok(Json(json!({ "evidence": all.iter().map(shown).collect::<Vec<_>>(), "next": next })))
}

/// One piece of evidence.
#[utoipa::path(get, path = "/v1/evidence/{id}", responses((status = 200, description = "The evidence")))]
pub(crate) async fn read(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "evidence": shown(&seen(&admin, &caller, &id).await?) })))
}

/// Its file, as it was sent.
#[utoipa::path(get, path = "/v1/evidence/{id}/file", responses((status = 200, description = "The file's bytes")))]
pub(crate) async fn download(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = seen(&admin, &caller, &id).await?;
    let file = row.file.ok_or_else(|| Problem::not_found("this evidence has no file"))?;
    let bytes = admin.shared.store.read(move |tx| evidence::bytes(tx, &id)).await?.unwrap_or_default();
    let mut response = bytes.into_response();
    let media = HeaderValue::try_from(file.media_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media);
    // Whatever somebody filed is kept, never shown as a page of ours.
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        HeaderName::from_static("content-security-policy"),
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    Ok(response)
}

#[derive(Deserialize, Default, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Decision {
    /// Why, for the record.
    reason: String,
}

async fn decide(
    admin: &Admin,
    caller: &Caller<Operating>,
    id: String,
    body: &Bytes,
    approves: bool,
) -> Result<Json<Value>, Problem> {
    let said: Decision = if body.is_empty() {
        Decision::default()
    } else {
        serde_json::from_slice(body)
            .map_err(|error| Problem::bad_request(format!("send {{\"reason\"}}: {error}")))?
    };
    seen(admin, caller, &id).await?;
    let (rules, origin) =
        (admin.shared.config.load().evidence.rules(), Origin::api(&caller.actor, clock::now()));
    let store = &admin.shared.store;
    let row =
        store.write(move |tx| evidence::decide(tx, &id, approves, &said.reason, &rules, &origin)).await?;
    Ok(Json(json!({ "evidence": shown(&row) })))
}

/// A second person's approval: from the cool-down's end on it counts.
#[utoipa::path(post, path = "/v1/evidence/{id}/approve", request_body = Decision,
    responses((status = 200, description = "Approved"), (status = 403, description = "By the one who filed it"),
              (status = 409, description = "Decided already")))]
pub(crate) async fn approve(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    decide(&admin, &caller, id, &body, true).await
}

/// It does not hold. Whoever filed it may take it back so, too.
#[utoipa::path(post, path = "/v1/evidence/{id}/reject", request_body = Decision,
    responses((status = 200, description = "Rejected"), (status = 409, description = "Decided already")))]
pub(crate) async fn reject(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    decide(&admin, &caller, id, &body, false).await
}

#[derive(Deserialize)]
pub(crate) struct Sender {
    sender: String,
}

/// Approved SMS evidence as the items of Twilio's bulk consents API, one for each number of the contact.
#[utoipa::path(get, path = "/v1/evidence/{id}/twilio-consent", params(("sender" = String, Query)),
    responses((status = 200, description = "The items"), (status = 409, description = "Not approved, or not for SMS")))]
pub(crate) async fn twilio_consent(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
    Query(Sender { sender }): Query<Sender>,
) -> Result<Json<Value>, Problem> {
    let row = seen(&admin, &caller, &id).await?;
    let conflict = |title| Problem::new(StatusCode::CONFLICT, "no-consent", title);
    if row.channel != Channel::Sms || row.standing != Standing::Approved {
        return Err(conflict("only approved evidence for SMS is a consent that Twilio takes"));
    }
    let contact = visible(&admin, &caller, &row.contact).await?;
    let numbers: Vec<_> = contact.addresses.iter().filter(|one| one.kind == AddressKind::Phone).collect();
    let items: Vec<Value> = numbers
        .iter()
        .map(|one| {
            let unique = dndgate_adapter::sign::sha256(format!("{} {}", row.id, one.key.key).as_bytes());
            json!({
                "contact_id": one.key.key,
                "correlation_id": &dndgate_adapter::sign::to_hex(&unique)[..32],
                "sender_id": sender,
                "status": "opt-in",
                "source": twilio_source(&row.source),
                "date_of_consent": row.obtained_at.to_string(),
            })
        })
        .collect();
    if items.is_empty() {
        Err(conflict("the contact has no telephone number"))
    } else {
        Ok(Json(json!({ "Items": items })))
    }
}

/// The source in Twilio's words. What it has no word for is `others`.
fn twilio_source(source: &str) -> &'static str {
    let source = source.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| source.contains(word));
    if says(&["opt-in-message", "sms", "text message", "keyword"]) {
        "opt-in-message"
    } else if says(&["web", "online", "http"]) {
        "website"
    } else if says(&["offline", "paper", "phone", "in person", "store", "letter"]) {
        "offline"
    } else {
        "others"
    }
}
