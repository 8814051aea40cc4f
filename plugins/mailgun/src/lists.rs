//! Mailing lists: one address in a send, thousands of people who get it.
//!
//! An address at the sending domain may be one. Mailgun is asked about each such address; a list, whose
//! members stand in no request, is for the operator to allow by name.

use crate::outbound::{self, Home, Read};
use dndgate_adapter::{Ask, Asked, Request, Sending, Unreadable, json};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The name by which an operator allows sends to lists.
pub(crate) const LISTS: &str = "lists";
/// The most addresses about which Mailgun is asked for one send.
const ASKED_MAX: usize = 10;

/// The addresses of a send that may be lists, each once.
pub(crate) fn suspects(read: &Read<'_>, own_domain: &str) -> Result<Vec<String>, Unreadable> {
    let mut suspects = Vec::new();
    for entry in &read.entries {
        let address = &read.people.list[entry.recipient].address;
        let at_home =
            address.rsplit_once('@').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(own_domain));
        if at_home && entry.home != Home::Shown && !suspects.iter().any(|one| *one == **address) {
            suspects.push(address.to_string());
        }
    }
    if suspects.len() > ASKED_MAX {
        return Err(Unreadable::new(format!(
            "too many addresses at the sending domain: each may be a mailing list; at most {ASKED_MAX} in one send"
        )));
    }
    Ok(suspects)
}

/// The question whether an address is a list.
pub(crate) fn ask(host: Option<&str>, address: &str) -> Ask {
    Ask {
        // Stored messages are on hosts of their own, lists are not.
        host: host.map(|host| if host.contains("europe") { "api.eu.mailgun.net" } else { host }).map(
            |host| {
                if host.starts_with("api.") { host.to_owned() } else { "api.mailgun.net".to_owned() }
            },
        ),
        path_and_query: format!("/v3/lists/{}", utf8_percent_encode(address, NON_ALPHANUMERIC)),
        or_missing: true,
        unless_allowed: Some(LISTS),
    }
}

/// What Mailgun said about the addresses, in their order; nothing was asked when lists are allowed.
pub(crate) fn asked<'a>(request: &Request<'a>, answers: &[Vec<u8>]) -> Result<Asked<'a>, Unreadable> {
    let (sending, suspects): (Sending<'a>, Vec<String>) = outbound::send(request)?;
    for answer in answers {
        // An empty answer stands for "no such list".
        if !answer.is_empty() {
            let value = json::read(answer)?;
            return match value.get("list") {
                Some(_) => Ok(Asked::Unnamed(LISTS)),
                None => Err(Unreadable::new("Mailgun did not say whether an address is a mailing list")),
            };
        }
    }
    Ok(match suspects.get(answers.len()) {
        Some(next) if !answers.is_empty() => Asked::More(ask(request.head.host, next)),
        _ => Asked::Send(sending),
    })
}
