//! Is a webhook Plivo's? Signature V3 covers address and form, V2 the address only.

use dndgate_adapter::{Forged, Head, Once, Proof, Resigned, Webhook, form, sign};
use http::{HeaderName, HeaderValue, Method, header};

const V3: &str = "x-plivo-signature-v3";
const V3_NONCE: &str = "x-plivo-signature-v3-nonce";
/// The same, made with the token of the main account where a subaccount is concerned.
const V3_MAIN: &str = "x-plivo-signature-ma-v3";
const V2: &str = "x-plivo-signature-v2";
const V2_NONCE: &str = "x-plivo-signature-v2-nonce";

/// No signature has a time. Each proves one webhook only: names and values run together in V3, and V2 leaves the
/// body out.
pub(crate) fn verify(webhook: &Webhook<'_>, tokens: &[String]) -> Result<Proof, Forged> {
    let proven = if webhook.headers.contains_key(V3) || webhook.headers.contains_key(V3_MAIN) {
        let nonce = field(webhook, V3_NONCE).ok_or(Forged("it has no nonce"))?;
        let message = v3_message(webhook.method, webhook.url, form_of(webhook), nonce);
        let message = message.ok_or(Forged("its parameters cannot be read"))?;
        let given = [field(webhook, V3), field(webhook, V3_MAIN)];
        is_signed(&message, tokens, given.into_iter().flatten()).then_some(nonce)
    } else {
        let nonce = field(webhook, V2_NONCE).ok_or(Forged("it has no signature"))?;
        let given = field(webhook, V2).ok_or(Forged("it has no signature"))?;
        is_signed(&v2_message(webhook.url, nonce), tokens, [given].into_iter()).then_some(nonce)
    };
    let nonce = proven.ok_or(Forged("its signature is not Plivo's"))?;
    let digest = sign::sha256_of([webhook.url.as_bytes(), b"\n", webhook.body]);
    Ok(Proof { once: Some(Once { token: sign::to_hex(&sign::sha256(nonce.as_bytes())), digest }) })
}

fn field<'a>(webhook: &Webhook<'a>, name: &str) -> Option<&'a str> {
    let head = Head { method: &Method::POST, host: None, path: "/", query: None, headers: webhook.headers };
    head.header(name)
}

/// The form of a `POST`; `None` when the body is none.
fn form_of<'a>(webhook: &Webhook<'a>) -> Option<form::Form<'a>> {
    let head = Head { method: &Method::POST, host: None, path: "/", query: None, headers: webhook.headers };
    let is_form = match head.media_type().as_deref() {
        None => webhook.body.is_empty(),
        Some(media) => media == "application/x-www-form-urlencoded",
    };
    if is_form { form::read(webhook.body).ok() } else { None }
}

/// A field may hold several signatures.
fn is_signed<'a>(message: &[u8], tokens: &[String], given: impl Iterator<Item = &'a str> + Clone) -> bool {
    tokens.iter().filter(|token| !token.is_empty()).fold(false, |proven, token| {
        let ours = sign::to_base64(&sign::hmac_sha256(token.as_bytes(), message));
        let mut one = given.clone().flat_map(|given| given.split(','));
        proven | one.any(|given| sign::equal(given.trim().as_bytes(), ours.as_bytes()))
    })
}

/// What V3 signs: the address with its query sorted, the form's names and values run together, the nonce.
fn v3_message(method: &Method, url: &str, form: Option<form::Form<'_>>, nonce: &str) -> Option<Vec<u8>> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let query = form::read(query.as_bytes()).ok()?;
    let query = sorted(&query, "=", "&");
    let fields = if *method == Method::GET { String::new() } else { sorted(&form?, "", "") };
    let mut message = base.to_owned();
    if !query.is_empty() || !fields.is_empty() {
        message.push('?');
        message.push_str(&query);
    }
    if !query.is_empty() && !fields.is_empty() {
        message.push('.');
    }
    Some(format!("{message}{fields}.{nonce}").into_bytes())
}

fn sorted(form: &form::Form<'_>, between: &str, after: &str) -> String {
    let mut pairs: Vec<(&str, &str)> = form.pairs().iter().map(|pair| (&*pair.name, &*pair.value)).collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}{between}{value}")).collect::<Vec<_>>().join(after)
}

/// What V2 signs: the address without its query, and the nonce.
fn v2_message(url: &str, nonce: &str) -> Vec<u8> {
    format!("{}{nonce}", url.split('?').next().unwrap_or(url)).into_bytes()
}

/// The signatures that were there, made anew for the CRM's address.
pub(crate) fn resign(webhook: &Webhook<'_>, url: &str, tokens: &[String]) -> Option<Resigned> {
    let token = tokens.first()?.as_bytes();
    let mut headers = Vec::new();
    let mut put = |name: &'static str, message: &[u8]| {
        let signature = sign::to_base64(&sign::hmac_sha256(token, message));
        if let Ok(value) = HeaderValue::try_from(signature) {
            headers.push((HeaderName::from_static(name), value));
        }
    };
    if let Some(nonce) = field(webhook, V3_NONCE) {
        let message = v3_message(webhook.method, url, form_of(webhook), nonce)?;
        for name in [V3, V3_MAIN] {
            if webhook.headers.contains_key(name) {
                put(name, &message);
            }
        }
    }
    if let (Some(nonce), true) = (field(webhook, V2_NONCE), webhook.headers.contains_key(V2)) {
        put(V2, &v2_message(url, nonce));
    }
    Some(Resigned { headers, edits: Vec::new() })
}

/// Signs a form for an address, as Plivo does.
pub(crate) fn sign_form(token: &str, url: &str, body: &[u8], nonce: &str) -> Vec<(HeaderName, HeaderValue)> {
    let message = v3_message(&Method::POST, url, form::read(body).ok(), nonce).unwrap_or_default();
    let signature = sign::to_base64(&sign::hmac_sha256(token.as_bytes(), &message));
    let mut headers =
        vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))];
    for (name, value) in [(V3, signature), (V3_NONCE, nonce.to_owned())] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.push((HeaderName::from_static(name), value));
        }
    }
    headers
}
