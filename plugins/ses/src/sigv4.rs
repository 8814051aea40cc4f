//! AWS Signature Version 4 ("Signature Version 4 signing process", AWS General Reference): the caller's is checked,
//! the gateway's own is made.

use crate::{ACCESS_KEY, REGION, SECRET_KEY};
use dndgate_adapter::{Came, Onward, Secrets, Unreadable, path, sign};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::{Timestamp, tz::TimeZone};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;

/// The name by which SES is signed for, in both versions of its API.
const SERVICE: &str = "ses";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far the caller's clock may be off; what AWS allows.
const SECONDS_MAX: u64 = 15 * 60;
const DATE: &str = "x-amz-date";
const CONTENT_SHA256: &str = "x-amz-content-sha256";
/// What stands in a canonical path or query as it is (RFC 3986, section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same of a whole path.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// Checks the caller's signature, where there is a caller, and signs for the server that the request goes to.
pub(crate) fn sign_onward(
    onward: &Onward<'_>,
    secrets: &Secrets,
    now: Timestamp,
) -> Result<Vec<(HeaderName, HeaderValue)>, Unreadable> {
    let configured = secrets.first(REGION).unwrap_or(crate::USUAL_REGION);
    let region = region_of(onward.authority).unwrap_or(configured);
    if let Some(came) = &onward.came {
        check(came, secrets, region, now)?;
    }
    let (Some(id), Some(secret)) = (secrets.first(ACCESS_KEY), secrets.first(SECRET_KEY)) else {
        return Err(Unreadable::new(
            "the gateway has no aws_access_key_id and aws_secret_access_key to sign this with",
        ));
    };
    let at = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
    let digest = sign::to_hex(&onward.sha256);
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Unreadable::new("no header value"));
    let own = [
        (HeaderName::from_static(DATE), value(&at)?),
        (HeaderName::from_static(CONTENT_SHA256), value(&digest)?),
    ];
    let mut headers = HeaderMap::new();
    let goes_along = |name: &HeaderName| {
        *name == header::HOST || *name == header::CONTENT_TYPE || name.as_str().starts_with("x-amz-")
    };
    for (name, value) in onward.headers.iter().filter(|(name, _)| goes_along(name)) {
        headers.append(name, value.clone());
    }
    own.iter().for_each(|(name, value)| drop(headers.insert(name, value.clone())));
    let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    let (path, query) = split(onward.path_and_query);
    let canonical = canonical_request(onward.method, path, query, &headers, &names, &digest)
        .ok_or_else(|| Unreadable::new("a header field cannot be signed"))?;
    let scope = format!("{}/{region}/{SERVICE}/aws4_request", &at[..8]);
    let signature = signature(secret, &scope, &at, &canonical);
    let authorization = format!(
        "{ALGORITHM} Credential={id}/{scope}, SignedHeaders={}, Signature={signature}",
        names.join(";")
    );
    let mut authorization = value(&authorization)?;
    authorization.set_sensitive(true);
    Ok(own.into_iter().chain([(header::AUTHORIZATION, authorization)]).collect())
}

/// The region that a server of SES serves; none of a stand-in.
fn region_of(authority: &str) -> Option<&str> {
    let host = authority.split(':').next().unwrap_or(authority);
    let is_ses = crate::HOSTS.iter().any(|pattern| path::host_fits(pattern, host));
    is_ses.then(|| host.split('.').nth(1)).flatten()
}

/// What an `Authorization` field says.
struct Authorization<'a> {
    /// The access key's id.
    id: &'a str,
    /// `date/region/service/aws4_request`
    scope: &'a str,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn read(field: &'a str) -> Option<Authorization<'a>> {
        let mut parts = field.strip_prefix(ALGORITHM)?.strip_prefix(' ')?.split(',').map(str::trim);
        let mut part = |name: &str| parts.next()?.strip_prefix(name)?.strip_prefix('=');
        let (id, scope) = part("Credential")?.split_once('/')?;
        let (signed, signature) = (part("SignedHeaders")?, part("Signature")?);
        parts.next().is_none().then_some(Authorization { id, scope, signed, signature })
    }
}

/// The access key with which a request says that it is signed.
pub(crate) fn access_key(headers: &HeaderMap) -> Option<&str> {
    let field = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    Authorization::read(field).map(|authorization| authorization.id)
}

/// Is the request signed with one of the configured keys?
fn check(came: &Came<'_>, secrets: &Secrets, region: &str, now: Timestamp) -> Result<(), Unreadable> {
    const HOW: &str = "sign the request with AWS Signature Version 4 in its Authorization header, with the \
                       aws_access_key_id that the gateway is configured with";
    let headers = came.head.headers;
    if headers.contains_key("x-amz-security-token") {
        return Err(Unreadable::new(
            "temporary credentials (a session token) cannot be checked by the gateway",
        ));
    }
    let field = came.head.header("authorization").ok_or_else(|| Unreadable::new(HOW))?;
    let said = Authorization::read(field).ok_or_else(|| Unreadable::new(HOW))?;
    let at = came.head.header(DATE).ok_or_else(|| Unreadable::new("the request has no X-Amz-Date"))?;
    let seconds = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", at)
        .and_then(|at| at.to_zoned(TimeZone::UTC))
        .map_err(|_| Unreadable::new("the X-Amz-Date of the request is no time"))?
        .timestamp()
        .as_second();
    if seconds.abs_diff(now.as_second()) > SECONDS_MAX {
        return Err(Unreadable::new("Signature expired: the X-Amz-Date is more than 15 minutes off"));
    }
    if said.scope != format!("{}/{region}/{SERVICE}/aws4_request", &at[..8]) {
        return Err(Unreadable::new(format!(
            "Credential should be scoped to the date of X-Amz-Date, the region {region} and the service ses"
        )));
    }
    let names: Vec<&str> = said.signed.split(';').collect();
    if !["host", DATE].iter().all(|name| names.contains(name)) || !names.is_sorted() {
        return Err(Unreadable::new("SignedHeaders must hold host and x-amz-date, in their order"));
    }
    let digest = sign::to_hex(&came.sha256);
    let (path, query) = split(came.path_and_query);
    let canonical = canonical_request(came.head.method, path, query, headers, &names, &digest)
        .ok_or_else(|| Unreadable::new("SignedHeaders names a header field that is not there"))?;
    let ids = secrets.all(ACCESS_KEY).iter().zip(secrets.all(SECRET_KEY));
    let mut proven = false;
    for (id, secret) in ids.filter(|(id, secret)| !id.is_empty() && !secret.is_empty()) {
        let ours = signature(secret, said.scope, at, &canonical);
        proven |= sign::equal(id.as_bytes(), said.id.as_bytes())
            & sign::equal(ours.as_bytes(), said.signature.as_bytes());
    }
    if proven {
        Ok(())
    } else {
        Err(Unreadable::new(
            "The request signature does not match: the access key is not the gateway's, or something between the \
             caller and the gateway changed host, path or body",
        ))
    }
}

fn split(path_and_query: &str) -> (&str, &str) {
    path_and_query.split_once('?').unwrap_or((path_and_query, ""))
}

/// The canonical request. `None` when a header field of these names is missing or is no text.
fn canonical_request(
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    names: &[&str],
    digest: &str,
) -> Option<String> {
    // The path is encoded once more: for every service but S3.
    let mut canonical =
        format!("{method}\n{}\n{}\n", utf8_percent_encode(path, PATH), canonical_query(query));
    for name in names {
        let mut values = headers.get_all(*name).iter().peekable();
        values.peek()?;
        canonical.push_str(name);
        for (index, value) in values.enumerate() {
            canonical.push(if index == 0 { ':' } else { ',' });
            let words: Vec<&str> = value.to_str().ok()?.split(' ').filter(|word| !word.is_empty()).collect();
            canonical.push_str(&words.join(" "));
        }
        canonical.push('\n');
    }
    canonical.push('\n');
    canonical.push_str(&names.join(";"));
    canonical.push('\n');
    canonical.push_str(digest);
    Some(canonical)
}

fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| {
        let plain: Cow<'_, [u8]> = percent_decode_str(text).into();
        percent_encoding::percent_encode(&plain, UNRESERVED).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn signature(secret: &str, scope: &str, at: &str, canonical: &str) -> String {
    let to_sign =
        format!("{ALGORITHM}\n{at}\n{scope}\n{}", sign::to_hex(&sign::sha256(canonical.as_bytes())));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/') {
        key = sign::hmac_sha256(&key, part.as_bytes()).to_vec();
    }
    sign::to_hex(&sign::hmac_sha256(&key, to_sign.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const SCOPE: &str = "20150830/us-east-1/service/aws4_request";
    const AT: &str = "20150830T123600Z";

    /// Cases of AWS's own test suite ("Signature Version 4 test suite").
    #[test]
    fn vectors_of_aws() {
        let sign = |method: Method, path: &str, query: &str, fields: &[(&str, &str)], body: &str| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
            }
            let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            let digest = sign::to_hex(&sign::sha256(body.as_bytes()));
            let canonical = canonical_request(&method, path, query, &headers, &names, &digest).unwrap();
            signature(SECRET, SCOPE, AT, &canonical)
        };
        let plain = [("host", "example.amazonaws.com"), ("x-amz-date", AT)];
        // get-vanilla
        assert_eq!(
            sign(Method::GET, "/", "", &plain, ""),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        // get-vanilla-query-order-key-case
        assert_eq!(
            sign(Method::GET, "/", "Param2=value2&Param1=value1", &plain, ""),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
        // post-vanilla
        assert_eq!(
            sign(Method::POST, "/", "", &plain, ""),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
        // post-x-www-form-urlencoded
        let form = [plain[0], plain[1], ("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(
            sign(Method::POST, "/", "", &form, "Param1=value1"),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        );
        // get-header-value-multiline's cousin: get-header-value-trim
        let trimmed = [plain[0], plain[1], ("my-header1", "value1"), ("my-header2", "\"a   b   c\"")];
        assert_eq!(
            sign(Method::GET, "/", "", &trimmed, ""),
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"
        );
    }

    #[test]
    fn an_authorization_is_read_with_and_without_spaces() {
        for field in [
            "AWS4-HMAC-SHA256 Credential=AK/20150830/us-east-1/ses/aws4_request, SignedHeaders=host;x-amz-date, Signature=00",
            "AWS4-HMAC-SHA256 Credential=AK/20150830/us-east-1/ses/aws4_request,SignedHeaders=host;x-amz-date,Signature=00",
        ] {
            let said = Authorization::read(field).unwrap();
            assert_eq!((said.id, said.signed, said.signature), ("AK", "host;x-amz-date", "00"));
            assert_eq!(said.scope, "20150830/us-east-1/ses/aws4_request");
        }
        for field in
            ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=AK/x", "AWS4-ECDSA-P256-SHA256 Credential=AK/x"]
        {
            assert!(Authorization::read(field).is_none(), "{field}");
        }
    }
}
