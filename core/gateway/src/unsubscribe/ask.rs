//! What a `POST` to a link asks for.

use dndgate_adapter::{Channel, Channels, form, multipart};
use http::{HeaderMap, header};

/// What a person, or a mail program for it, asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// RFC 8058: the mail program's own button.
    OneClick,
    /// The page's button: these channels stop.
    Stop(Channels),
    /// The page's other button: these are switched back on.
    Resume(Channels),
    /// Nothing that changes anything.
    Nothing,
}

/// The pair of RFC 8058, section 3.1. Case counts.
const NAME: &str = "List-Unsubscribe";
const VALUE: &str = "One-Click";

/// Reads a body. Mail programs send the pair as a form, as multipart, and without saying which.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Ask {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let pairs: Vec<(String, String)> = if media.to_ascii_lowercase().starts_with("multipart/form-data") {
        let parts = multipart::read(media, body).map(|form| {
            let text = |part: &multipart::Part<'_>| part.text().unwrap_or_default().to_owned();
            form.parts().iter().map(|part| (part.name.to_owned(), text(part))).collect()
        });
        parts.unwrap_or_else(|_| loose(body))
    } else {
        let pairs = form::read(body).map(|form| {
            form.pairs().iter().map(|pair| (pair.name.to_string(), pair.value.trim().to_owned())).collect()
        });
        pairs.unwrap_or_default()
    };
    let has = |name: &str, value: &str| pairs.iter().any(|(n, v)| n == name && v == value);
    if has(NAME, VALUE) {
        return Ask::OneClick;
    }
    if !has("confirm", "1") {
        return Ask::Nothing;
    }
    let chosen = |name: &str| -> Channels {
        let values = pairs.iter().filter(|(n, _)| n == name);
        values.filter_map(|(_, value)| Channel::parse(value)).collect()
    };
    match (chosen("channels"), chosen("resume")) {
        (stop, _) if !stop.is_empty() => Ask::Stop(stop),
        (_, resume) if !resume.is_empty() => Ask::Resume(resume),
        _ => Ask::Nothing,
    }
}

/// The pair in a multipart that is not well formed (bare line feeds, as a rule).
fn loose(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let mut lines = text.lines().map(str::trim);
    let named = lines.by_ref().any(|line| line.contains(&format!("name=\"{NAME}\"")));
    if named && lines.any(|line| line == VALUE) { vec![(NAME.into(), VALUE.into())] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn asked(media: &'static str, body: &str) -> Ask {
        let mut headers = HeaderMap::new();
        if !media.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        }
        read(&headers, body.as_bytes())
    }

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn r17_one_click_in_every_form_that_mail_programs_send() {
        let parts =
            "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
        for (media, body) in [
            (FORM, "List-Unsubscribe=One-Click"),
            (FORM, "a=b&List-Unsubscribe=One-Click&c=d"),
            ("", "List-Unsubscribe=One-Click"),
            ("text/plain", "List-Unsubscribe=One-Click\r\n"),
            ("application/x-www-form-urlencoded; charset=UTF-8", "List-Unsubscribe=One%2DClick"),
            ("multipart/form-data; boundary=x", parts),
            ("multipart/form-data; boundary=\"x\"", &parts.replace("\r\n", "\n")),
        ] {
            assert_eq!(asked(media, body), Ask::OneClick, "{media}: {body}");
        }
    }

    #[test]
    fn nothing_else_is_one_click() {
        for body in [
            "",
            "list-unsubscribe=one-click",
            "List-Unsubscribe=Two-Click",
            "List-Unsubscribe",
            "confirm=1",
            "%",
        ] {
            assert_eq!(asked(FORM, body), Ask::Nothing, "{body}");
        }
        assert_eq!(asked("multipart/form-data; boundary=x", "One-Click"), Ask::Nothing);
        assert_eq!(asked(FORM, "channels=SMS"), Ask::Nothing, "the page says confirm=1");
    }

    #[test]
    fn the_page_says_which_channels() {
        let both: Channels = [Channel::Sms, Channel::Email].into_iter().collect();
        assert_eq!(asked(FORM, "confirm=1&channels=SMS&channels=Email&channels=Pager"), Ask::Stop(both));
        assert_eq!(asked(FORM, "confirm=1&resume=Email"), Ask::Resume(Channel::Email.into()));
    }
}
