//! The console: pages that the binary carries, plain HTML, CSS and modules, without a build step.

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{io::Write, sync::LazyLock};

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_bytes!(concat!("../../console/", $name)) as &[u8])),+]
    };
}

/// Every file of the console.
static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    files![
        "index.html",
        "style.css",
        "icon.svg",
        "app.js",
        "api.js",
        "dom.js",
        "menu.js",
        "chart.js",
        "lua.js",
        "contacts.js",
        "contact.js",
        "dnd.js",
        "lift.js",
        "history.js",
        "live.js",
        "review.js",
        "channels.js",
        "policies.js",
        "editor.js",
        "whatif.js",
        "events.js",
        "import.js",
    ]
    .into_iter()
    .map(|(name, bytes)| File::new(name, bytes))
    .collect()
});

/// Nothing but what this listener serves may be loaded, run, framed or sent to.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

struct File {
    name: &'static str,
    media: &'static str,
    plain: &'static [u8],
    packed: Vec<u8>,
    tag: HeaderValue,
}

impl File {
    fn new(name: &'static str, plain: &'static [u8]) -> File {
        let media = match name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/javascript; charset=utf-8",
        };
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        let packed = packer.write_all(plain).and_then(|()| packer.finish()).unwrap_or_default();
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(plain)[..12]));
        let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
        File { name, media, plain, packed, tag }
    }
}

/// The page that everything else hangs on.
pub(crate) async fn index(headers: HeaderMap) -> Response {
    serve("index.html", &headers)
}

/// What the page loads.
pub(crate) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    serve(&name, &headers)
}

fn serve(name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = FILES.iter().find(|file| file.name == name) else {
        return super::problem::Problem::not_found("the console has no such file").into_response();
    };
    let says = |field: header::HeaderName, what: &[u8]| {
        headers.get(field).is_some_and(|value| memchr::memmem::find(value.as_bytes(), what).is_some())
    };
    let mut response = if says(header::IF_NONE_MATCH, file.tag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if says(header::ACCEPT_ENCODING, b"gzip") && !file.packed.is_empty() {
        ([(header::CONTENT_ENCODING, "gzip")], file.packed.clone()).into_response()
    } else {
        file.plain.into_response()
    };
    let fields = response.headers_mut();
    fields.insert(header::ETAG, file.tag.clone());
    for (name, value) in [
        (header::CONTENT_TYPE, file.media),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "Accept-Encoding"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        fields.insert(name, HeaderValue::from_static(value));
    }
    response
}
