//! `X-Twilio-Signature`: the URL that Twilio called and the parameters of a form, under the account's auth
//! token with HMAC-SHA1, or (public beta) under a shared key with HMAC-SHA256.

use dndgate_adapter::{Forged, Proof, Secrets, Webhook, sign};
use http::{HeaderValue, Method};
use std::borrow::Cow;

/// The header of the signature.
pub(crate) const SIGNATURE: &str = "x-twilio-signature";
/// The header that names a shared key and its algorithm.
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
/// The parameter by which the URL's signature covers a body that is no form.
const BODY_HASH: &str = "bodySHA256";

/// A webhook's parameters, decoded as Twilio encoded them, in their order.
pub(crate) type Params<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// What a webhook's parameters are: those of its form, or of its query when it is a `GET`.
pub(crate) fn params<'a>(webhook: &Webhook<'a>) -> Params<'a> {
    if *webhook.method == Method::GET {
        let query = webhook.query().unwrap_or_default();
        return form_urlencoded::parse(query.split('#').next().unwrap_or(query).as_bytes()).collect();
    }
    if is_form(webhook) { form_urlencoded::parse(webhook.body).collect() } else { Vec::new() }
}

/// The first parameter of a name; empty when there is none.
pub(crate) fn param<'p>(params: &'p Params<'_>, name: &str) -> &'p str {
    params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

fn is_form(webhook: &Webhook<'_>) -> bool {
    let mut types = webhook.headers.get_all(http::header::CONTENT_TYPE).iter();
    let media = types.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or(media).trim();
    types.next().is_none() && media.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// A key that may have signed.
#[derive(Debug, Clone, Copy)]
enum SigningKey<'s> {
    Token(&'s str),
    Shared(&'s str),
}

impl SigningKey<'_> {
    fn sign(self, text: &str) -> String {
        match self {
            SigningKey::Token(token) => sign::to_base64(&sign::hmac_sha1(token.as_bytes(), text.as_bytes())),
            SigningKey::Shared(key) => sign::to_base64(&sign::hmac_sha256(key.as_bytes(), text.as_bytes())),
        }
    }
}

/// The auth tokens of an account, the one to sign with first. A token may be bound to its account,
/// `AC…:token`; an account that has tokens of its own is proven by no other. All tokens when no account is named.
pub(crate) fn tokens<'s>(secrets: &'s Secrets, account: &str) -> impl Iterator<Item = &'s str> {
    let bound = |value: &'s String| value.split_once(':').filter(|(owner, _)| owner.starts_with("AC"));
    let has_own =
        secrets.all("auth_token").iter().any(|value| bound(value).is_some_and(|(owner, _)| owner == account));
    secrets.all("auth_token").iter().filter_map(move |value| match bound(value) {
        Some((owner, token)) => (owner == account || account.is_empty()).then_some(token),
        None => (!has_own).then_some(value.as_str()),
    })
}

/// The keys that may have signed this webhook.
fn keys<'s>(
    webhook: &Webhook<'_>,
    secrets: &'s Secrets,
    account: &str,
) -> Result<Vec<SigningKey<'s>>, Forged> {
    let shared = secrets.all("shared_key");
    let settings = webhook.headers.get(SETTINGS).map(|value| value.to_str().unwrap_or_default());
    if shared.is_empty() {
        return match settings {
            None => Ok(tokens(secrets, account).map(SigningKey::Token).collect()),
            Some(_) => Err(Forged("it is signed with a shared key, and none is configured")),
        };
    }
    // The header itself is not signed: where a shared key is configured nothing weaker is believed.
    let Some(settings) = settings else { return Err(Forged("it is not signed with the shared key")) };
    let fields = settings.split(',').filter_map(|field| field.split_once('='));
    let field =
        |name: &str| fields.clone().find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim());
    if !field("algorithm").is_some_and(|algorithm| algorithm.eq_ignore_ascii_case("HMAC_SHA256")) {
        return Err(Forged("the algorithm of its signature is not known"));
    }
    let id = field("key").unwrap_or_default();
    let fitting = shared.iter().filter_map(|value| match value.split_once(':') {
        Some((owner, secret)) => (owner == id).then_some(SigningKey::Shared(secret)),
        None => Some(SigningKey::Shared(value)),
    });
    Ok(fitting.collect())
}

/// See [`dndgate_adapter::Adapter::verify`].
pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets) -> Result<Proof, Forged> {
    prover(webhook, secrets).map(|_| Proof::default())
}

/// The key that proves a webhook.
fn prover<'s>(webhook: &Webhook<'_>, secrets: &'s Secrets) -> Result<SigningKey<'s>, Forged> {
    let mut signatures = webhook.headers.get_all(SIGNATURE).iter();
    let signature = signatures.next().ok_or(Forged("it has no X-Twilio-Signature"))?;
    if signatures.next().is_some() {
        return Err(Forged("it has more than one X-Twilio-Signature"));
    }
    let params = signed_params(webhook)?;
    let account = account(webhook);
    let tail = tail(&params);
    for key in keys(webhook, secrets, &account)? {
        for url in spellings(webhook.url) {
            if sign::equal(key.sign(&format!("{url}{tail}")).as_bytes(), signature.as_bytes()) {
                return Ok(key);
            }
        }
    }
    Err(Forged("its signature does not fit: check auth_token, and that public_url is what Twilio calls"))
}

/// The account that a webhook says it is of. Whose token it was is proven by the signature.
pub(crate) fn account(webhook: &Webhook<'_>) -> String {
    param(&params(webhook), "AccountSid").to_owned()
}

/// The parameters that the signature covers. A body that is no form is covered by its hash in the URL.
fn signed_params<'a>(webhook: &Webhook<'a>) -> Result<Params<'a>, Forged> {
    if is_form(webhook) && *webhook.method != Method::GET {
        return Ok(params(webhook));
    }
    if webhook.body.is_empty() {
        return Ok(Vec::new());
    }
    let query = webhook.query().unwrap_or_default();
    let mut hashes =
        query.split(['&', '#']).filter_map(|pair| pair.strip_prefix(BODY_HASH)?.strip_prefix('='));
    let (Some(hash), None) = (hashes.next(), hashes.next()) else {
        return Err(Forged("its signature does not cover its body"));
    };
    if !sign::equal(hash.as_bytes(), sign::to_hex(&sign::sha256(webhook.body)).as_bytes()) {
        return Err(Forged("its body is not the one that was signed"));
    }
    Ok(Vec::new())
}

/// The parameters as they are signed: by name, each value once, names before each.
fn tail(params: &Params<'_>) -> String {
    let mut pairs: Vec<(&str, &str)> = params.iter().map(|(name, value)| (&**name, &**value)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs.iter().flat_map(|(name, value)| [*name, *value]).collect()
}

/// The URL as Twilio's back ends may have written it when they signed: without port and with one, `'` escaped
/// or not, the query encoded anew.
fn spellings(url: &str) -> Vec<String> {
    let url = url.split('#').next().unwrap_or(url);
    let mut all = Vec::with_capacity(6);
    for ported in [without_port(url), with_port(url)] {
        for spelling in [ported.replace('\'', "%27"), requoted(&ported), ported] {
            if !all.contains(&spelling) {
                all.push(spelling);
            }
        }
    }
    all
}

/// The bytes of a URL's port with its colon, and the scheme's own port.
fn port(url: &str) -> (std::ops::Range<usize>, &'static str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?']).map_or(url.len(), |at| start + at);
    let host = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    // A colon inside the brackets of an IPv6 address is none of a port.
    let colon = url[host..end].rfind(':').map(|at| host + at).filter(|at| !url[*at..end].contains(']'));
    let secure = url.starts_with("https") || url.starts_with("wss");
    (colon.unwrap_or(end)..end, if secure { ":443" } else { ":80" })
}

fn without_port(url: &str) -> String {
    let (range, _) = port(url);
    format!("{}{}", &url[..range.start], &url[range.end..])
}

fn with_port(url: &str) -> String {
    let (range, own) = port(url);
    if range.is_empty() {
        format!("{}{own}{}", &url[..range.start], &url[range.end..])
    } else {
        url.to_owned()
    }
}

/// The query decoded and encoded again with what `encodeURIComponent` leaves alone.
fn requoted(url: &str) -> String {
    let Some((base, query)) = url.split_once('?') else { return url.to_owned() };
    let mut out = format!("{base}?");
    for (index, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
        if index > 0 {
            out.push('&');
        }
        quote(&name, &mut out);
        out.push('=');
        quote(&value, &mut out);
    }
    out
}

fn quote(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// The signature of the same webhook for another URL, with the key that proved it; with the account's first
/// key when none does (a webhook from the spool after its token was changed).
///
/// The signature of a body that is no form lies in the URL's `bodySHA256`, which the URL must carry.
pub(crate) fn resign(webhook: &Webhook<'_>, url: &str, secrets: &Secrets) -> Option<HeaderValue> {
    let account = account(webhook);
    let key = match prover(webhook, secrets) {
        Ok(key) => key,
        Err(_) => keys(webhook, secrets, &account).ok()?.first().copied()?,
    };
    let url = url.split('#').next().unwrap_or(url);
    let params =
        if is_form(webhook) && *webhook.method != Method::GET { params(webhook) } else { Vec::new() };
    HeaderValue::try_from(key.sign(&format!("{url}{}", tail(&params)))).ok()
}

/// Signs a form for a URL as Twilio does.
pub(crate) fn sign_form(token: &str, url: &str, body: &[u8]) -> String {
    let params: Params<'_> = form_urlencoded::parse(body).collect();
    let url = url.split('#').next().unwrap_or(url);
    SigningKey::Token(token).sign(&format!("{url}{}", tail(&params)))
}
