//! The page behind a link: one form, no script, nothing from elsewhere.

use crate::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use dndgate_adapter::{AddressKind, Channel, Channels, request::xml, sign};
use dndgate_dnd::{AddressKey, Lock, Preference};
use dndgate_policy::PageTexts;
use http::{HeaderValue, Response, StatusCode, header};
use std::{fmt::Write, sync::LazyLock};

const STYLE: &str = include_str!("style.css");

/// Only the page's own style, by its hash, and forms that lead back here.
static CONTENT_SECURITY_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(sign::sha256(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Languages that are written from right to left.
const FROM_THE_RIGHT: [&str; 5] = ["ar", "he", "fa", "ur", "yi"];

/// In which language a page speaks, and for whom.
#[derive(Clone, Copy)]
pub(super) struct Voice<'a> {
    pub(super) language: &'a str,
    pub(super) texts: &'a PageTexts,
    /// The business, as people know it.
    pub(super) business: &'a str,
    /// How to reach it: an email address, a link or words; empty when not configured.
    pub(super) reach: &'a str,
}

/// What came of the last press of a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Stopped(Channels),
    AlreadyStopped,
    Resumed(Channels),
    KeptOff,
}

/// A channel on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) channel: Channel,
    pub(super) preference: Preference,
    /// To be stopped unless the person takes it out.
    pub(super) chosen: bool,
}

impl Voice<'_> {
    /// The page that asks, and shows how the channels stand.
    pub(super) fn preferences(self, address: &AddressKey, rows: &[Row], said: Said) -> String {
        let texts = self.texts;
        let mut main = String::new();
        let note = match said {
            Said::Nothing => None,
            Said::Stopped(channels) => Some(texts.done.replace("{channels}", &self.names(channels))),
            Said::AlreadyStopped => Some(texts.already.clone()),
            Said::Resumed(channels) => Some(texts.resumed.replace("{channels}", &self.names(channels))),
            Said::KeptOff => Some(texts.kept_off.clone()),
        };
        if let Some(note) = &note {
            let _ = writeln!(main, "<p class=\"said\" role=\"status\">{}</p>", xml(note));
        }
        let on = rows.iter().filter(|row| row.preference == Preference::On);
        let on: Vec<_> = on.map(|row| (row.channel, row.chosen)).collect();
        if !on.is_empty() {
            let question =
                texts.question.replace("{tenant}", self.business).replace("{address}", &masked(address));
            let _ = writeln!(main, "<p id=\"question\">{}</p>", xml(&question));
            let form =
                Form { class: "first", name: "channels", legend: &texts.choose, button: &texts.button };
            self.form(&mut main, &form, &on);
        }
        self.switched_off(&mut main, rows);
        if note.is_some() {
            let _ = writeln!(main, "<p>{}</p>", xml(&texts.again));
        }
        self.document(&main)
    }

    /// What is off: what the person may switch back on in a form, the rest as a list.
    fn switched_off(self, main: &mut String, rows: &[Row]) {
        let own: Vec<_> = (rows.iter())
            .filter(|row| matches!(row.preference, Preference::Unsubscribed(_)))
            .map(|row| (row.channel, false))
            .collect();
        let mut others = rows.iter().filter_map(|row| match row.preference {
            Preference::Off(lock) => Some((row.channel, lock)),
            _ => None,
        });
        let first_other = others.next();
        if own.is_empty() && first_other.is_none() {
            return;
        }
        let _ = writeln!(main, "<h2>{}</h2>", xml(&self.texts.off));
        if first_other.is_some() {
            main.push_str("<ul>\n");
            for (channel, lock) in first_other.into_iter().chain(others) {
                let _ = write!(main, "<li>{}", xml(self.name(channel)));
                if channel == Channel::Sms && lock == Some(Lock::OptIn) {
                    let _ = write!(main, ": {}", xml(&self.texts.sms_locked));
                }
                main.push_str("</li>\n");
            }
            main.push_str("</ul>\n");
        }
        if !own.is_empty() {
            let (legend, button) = (&self.texts.undo, &self.texts.undo_button);
            self.form(main, &Form { class: "second", name: "resume", legend, button }, &own);
        }
    }

    /// A page that only says something: a link that is not ours, a store that is down.
    pub(super) fn sentence(self, text: &str) -> String {
        self.document(&format!("<p role=\"status\">{}</p>\n", xml(text)))
    }

    /// The names of channels, as people know them.
    pub(super) fn names(self, channels: Channels) -> String {
        channels.iter().map(|channel| self.name(channel)).collect::<Vec<_>>().join(", ")
    }

    fn name(&self, channel: Channel) -> &str {
        match channel {
            Channel::Sms => "SMS",
            Channel::Email => &self.texts.email,
            Channel::Call => &self.texts.call,
            Channel::WhatsApp => "WhatsApp",
            Channel::Fb => "Messenger",
            Channel::Gmb => "Google",
        }
    }

    /// Posts to where it stands: a link works under whatever address leads to it.
    fn form(self, main: &mut String, form: &Form<'_>, channels: &[(Channel, bool)]) {
        let Form { class, name, legend, button } = form;
        let _ = write!(
            main,
            "<form method=\"post\" class=\"{class}\">\n<input type=\"hidden\" name=\"confirm\" value=\"1\">\n\
             <fieldset>\n<legend>{}</legend>\n",
            xml(legend)
        );
        for (channel, chosen) in channels {
            let _ = writeln!(
                main,
                "<label><input type=\"checkbox\" name=\"{name}\" value=\"{}\"{}> {}</label>",
                channel.name(),
                if *chosen { " checked" } else { "" },
                xml(self.name(*channel))
            );
        }
        let _ = writeln!(main, "</fieldset>\n<button type=\"submit\">{}</button>\n</form>", xml(button));
    }

    fn document(self, main: &str) -> String {
        let direction = if FROM_THE_RIGHT.contains(&self.language) { " dir=\"rtl\"" } else { "" };
        let reach = match reach_link(self.reach) {
            link if link.is_empty() => String::new(),
            link => format!("<small>{} {link}</small>\n", xml(&self.texts.reach)),
        };
        let title = xml(&self.texts.title);
        format!(
            "<!DOCTYPE html>\n<html lang=\"{}\"{direction}>\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex, nofollow\">\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1>{title}</h1>\n{main}{reach}</main>\n</body>\n</html>\n",
            xml(self.language)
        )
    }
}

struct Form<'a> {
    class: &'a str,
    name: &'a str,
    legend: &'a str,
    button: &'a str,
}

/// An address or link as one, anything else as words.
fn reach_link(reach: &str) -> String {
    let reach = xml(reach.trim());
    let href = if reach.starts_with("https://") {
        reach.clone()
    } else if reach.contains('@') && !reach.contains(' ') {
        format!("mailto:{reach}")
    } else if reach.starts_with('+') {
        format!("tel:{}", reach.replace(' ', ""))
    } else {
        return reach;
    };
    format!("<a href=\"{href}\">{reach}</a>")
}

/// An address that its owner knows again and nobody else learns: `a•••@example.com`, `•••01`.
fn masked(address: &AddressKey) -> String {
    match address.kind {
        AddressKind::Email => {
            let (local, domain) = address.key.rsplit_once('@').unwrap_or((&address.key, ""));
            let mut chars = local.chars();
            // Of one letter nothing would be hidden.
            let shown: String = chars.next().filter(|_| chars.next().is_some()).into_iter().collect();
            format!("{shown}•••@{domain}")
        }
        AddressKind::Phone => {
            let end: Vec<char> = address.key.chars().rev().take(2).collect();
            format!("•••{}", end.into_iter().rev().collect::<String>())
        }
        AddressKind::Psid | AddressKind::Gmb | AddressKind::Wa => "•••".into(),
    }
}

/// A page as an answer: kept nowhere, found nowhere, framed nowhere.
pub(super) fn answer(status: StatusCode, media: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY.clone());
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::VARY, "Accept-Language"),
        (http::HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(texts: &PageTexts) -> Voice<'_> {
        Voice { language: "en", texts, business: "Acme & Sons", reach: "privacy@acme.example" }
    }

    fn email(key: &str) -> AddressKey {
        AddressKey { kind: AddressKind::Email, key: key.into() }
    }

    fn row(channel: Channel, preference: Preference) -> Row {
        Row { channel, preference, chosen: true }
    }

    #[test]
    fn r17_shows_what_is_on_and_what_may_be_switched_back_on() {
        let policies = dndgate_policy::Policies::embedded();
        let (_, texts) = policies.unsubscribe().texts_for("en", None);
        let rows = [
            row(Channel::Sms, Preference::Off(Some(Lock::OptIn))),
            row(Channel::Email, Preference::Unsubscribed(vec!["x".into()])),
            row(Channel::Call, Preference::On),
        ];
        let html = voice(texts).preferences(&email("ada.lovelace@example.com"), &rows, Said::KeptOff);
        assert!(
            html.contains("<input type=\"checkbox\" name=\"channels\" value=\"Call\" checked>"),
            "{html}"
        );
        assert!(html.contains("<input type=\"checkbox\" name=\"resume\" value=\"Email\">"), "{html}");
        assert!(html.contains("<li>SMS: To get SMS again, reply START"), "r22: {html}");
        assert!(html.contains("Acme &amp; Sons to a•••@example.com"), "{html}");
        assert!(html.contains("<a href=\"mailto:privacy@acme.example\">"), "{html}");
        assert!(!html.contains("lovelace") && !html.contains("<script"), "{html}");
    }

    #[test]
    fn nothing_of_an_address_is_given_away() {
        assert_eq!(masked(&email("a@example.com")), "•••@example.com");
        let phone = AddressKey { kind: AddressKind::Phone, key: "+14155550101".into() };
        assert_eq!(masked(&phone), "•••01");
        assert_eq!(reach_link("javascript:alert(1)"), "javascript:alert(1)", "words, no link");
        assert_eq!(reach_link("<b>"), "&lt;b&gt;");
    }

    #[test]
    fn every_language_has_its_direction() {
        let policies = dndgate_policy::Policies::embedded();
        let (language, texts) = policies.unsubscribe().texts_for("ar-EG", None);
        let html = Voice { language, ..voice(texts) }.sentence("x");
        assert!(html.contains("<html lang=\"ar\" dir=\"rtl\">"), "{html}");
        assert!(policies.unsubscribe().texts.len() >= 10);
    }
}
