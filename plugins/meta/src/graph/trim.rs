//! A batch without some of its parts: every other byte stays.

use super::batch::{self, Batch};
use crate::product::Product;
use dndgate_adapter::{CannotTrim, Edit, Request, apply_edits, form, json, multipart};

fn cannot() -> CannotTrim {
    CannotTrim("the request cannot be sent without this recipient".into())
}

/// Is this the parameter?
fn is_batch(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case("batch")
}

/// See [`dndgate_adapter::Adapter::trim`].
///
/// # Errors
/// When it is no batch: a send to one person has nobody else.
pub(crate) fn trim(home: Product, request: &Request<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    let body = request.body;
    if drop.is_empty() {
        return Ok(Vec::new());
    }
    let batch = batch::again(home, request).ok_or_else(cannot)?;
    let gone = gone(&batch, drop);
    if body.iter().all(u8::is_ascii_whitespace) {
        // It stands in the query, which is trimmed apart; of a spelling that is not, nothing goes.
        return trim_query(home, request, drop).map(|_| Vec::new()).ok_or_else(cannot);
    }
    let edits = match request.head.media_type().as_deref() {
        Some("application/json") => in_json(body, &gone),
        Some("application/x-www-form-urlencoded") => in_form(body, &gone),
        Some("multipart/form-data") => {
            let content_type = request.head.header("content-type").unwrap_or_default();
            in_multipart(content_type, body, &gone)
        }
        _ if body.trim_ascii_start().starts_with(b"{") => in_json(body, &gone),
        _ => in_form(body, &gone),
    };
    let edits = edits.ok_or_else(cannot)?;
    // Where it stands in the query only, or there too, that must be trimmed as well.
    let in_query = form::read(request.head.query.unwrap_or_default().as_bytes())
        .is_ok_and(|query| query.pairs().iter().any(|pair| is_batch(&pair.name)));
    if edits.is_empty() && !in_query || in_query && trim_query(home, request, drop).is_none() {
        return Err(cannot());
    }
    Ok(edits)
}

/// See [`dndgate_adapter::Adapter::trim_query`].
pub(crate) fn trim_query(home: Product, request: &Request<'_>, drop: &[usize]) -> Option<String> {
    let query = request.head.query.filter(|_| !drop.is_empty())?;
    let gone = gone(&batch::again(home, request)?, drop);
    let edits = in_form(query.as_bytes(), &gone).filter(|edits| !edits.is_empty())?;
    String::from_utf8(apply_edits(query.as_bytes(), &edits)).ok()
}

fn gone(batch: &Batch, drop: &[usize]) -> Vec<usize> {
    batch.gone(drop).into_iter().collect()
}

/// A batch's JSON text without these parts. `None` where it is JSON only to Graph.
fn cut(text: &str, gone: &[usize]) -> Option<String> {
    let edits = json::read(text.as_bytes()).ok()?.without(gone);
    String::from_utf8(apply_edits(text.as_bytes(), &edits)).ok()
}

fn in_json(body: &[u8], gone: &[usize]) -> Option<Vec<Edit>> {
    let read = json::read(body).ok()?;
    let mut edits = Vec::new();
    for member in read.as_object()?.iter().filter(|member| is_batch(&member.key)) {
        match member.value.as_str() {
            Some(text) => edits.push(member.value.place()?.replace(&cut(text, gone)?)),
            None => edits.extend(member.value.without(gone)),
        }
    }
    Some(edits)
}

fn in_form(text: &[u8], gone: &[usize]) -> Option<Vec<Edit>> {
    let read = form::read(text).ok()?;
    let named = read.pairs().iter().filter(|pair| is_batch(&pair.name));
    named.map(|pair| Some(pair.place().replace(&cut(&pair.value, gone)?))).collect()
}

fn in_multipart(content_type: &str, body: &[u8], gone: &[usize]) -> Option<Vec<Edit>> {
    let read = multipart::read(content_type, body).ok()?;
    let named = read.parts().iter().filter(|part| is_batch(part.name));
    named.map(|part| read.replace(part, &cut(part.text().ok()?, gone)?)).collect()
}
