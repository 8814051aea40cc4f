//! What the demo prints: where everything is, who is there, and lines to paste.

use super::{CONFIG_FILE, CRM, Ports, SANDBOXES, sandbox::Station, seed::PEOPLE};
use std::{fmt::Write, path::Path, sync::Arc};

/// The account of the tour; the sandboxes know every account.
const ACCOUNT: &str = "AC00000000000000000000000000000001";

/// The whole text.
pub(super) fn text(ports: Ports, stations: &[Arc<Station>], folder: &Path) -> String {
    let mut text = String::from("\ndndgate is up, all of it on this machine. Ctrl-C ends it.\n\n");
    places(&mut text, ports, stations, folder);
    text.push('\n');
    for person in &PEOPLE {
        let _ = writeln!(text, "  {:<7}{}  {:<19}{}", person.name, person.phone, person.email, person.state);
    }
    text.push_str("\nA tour. Every line can be pasted as it stands.\n");
    for (title, lines) in steps(ports, folder) {
        let _ = write!(text, "\n{title}\n\n");
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

fn places(text: &mut String, ports: Ports, stations: &[Arc<Station>], folder: &Path) {
    let (traffic, admin, crm) = (ports.at(0), ports.at(1), ports.at(CRM));
    let mut place = |name: &str, what: &str| {
        let _ = writeln!(text, "  {name:<10} {what}");
    };
    for station in stations {
        let title = format!("http://{traffic}/{}  in place of {}", station.name, station.profile.upstream);
        place("gateway", &title);
    }
    place("console", &format!("http://{admin}/  look, search, edit; no sign-in on this machine"));
    place("admin API", &format!("http://{admin}/metrics  /v1/channels  /openapi.json"));
    for (station, offset) in stations.iter().zip(SANDBOXES..) {
        let page =
            format!("http://{}/_sandbox/  what it delivered; reply, report a failure", ports.at(offset));
        place(station.profile.title, &page);
    }
    place("CRM", &format!("http://{crm}/  the webhooks that reached it"));
    place("policies", &format!("{}  edit a file: it counts at once", folder.join("policies").display()));
}

/// Titles, and the lines under each.
fn steps(ports: Ports, folder: &Path) -> Vec<(&'static str, Vec<String>)> {
    let (traffic, admin) = (ports.at(0), ports.at(1));
    let (twilio, mailgun) = (ports.at(SANDBOXES), ports.at(SANDBOXES + 1));
    let [ada, _, clara, _] = &PEOPLE;
    let account = format!("http://{traffic}/twilio/2010-04-01/Accounts/{ACCOUNT}");
    let from_to = |prefix: &str| {
        format!("--data-urlencode 'From={prefix}+15005550006' --data-urlencode 'To={prefix}{}'", ada.phone)
    };
    let curl = format!("-w '\\n' -u {ACCOUNT}:demo-auth-token");
    let message = |show: &str, prefix: &str| {
        format!("curl {show}{curl} {account}/Messages.json {} -d 'Body=Hello Ada'", from_to(prefix))
    };
    let call = |show: &str| {
        let twiml = "--data-urlencode 'Twiml=<Response><Say>Hello</Say></Response>'";
        format!("curl {show}{curl} {account}/Calls.json {} {twiml}", from_to(""))
    };
    let mail = |show: &str, to: &str| {
        format!(
            "curl {show}-w '\\n' -u api:demo-api-key http://{traffic}/mailgun/v3/mg.example.com/messages \
             -F from=team@mg.example.com {to} -F subject=Hello -F 'text=Hello from the demo'"
        )
    };
    let reply = |word: &str| {
        let from = format!("--data-urlencode 'from={}'", ada.phone);
        format!("curl -w '\\n' http://{twilio}/_sandbox/inbound -d channel=SMS {from} -d text={word}")
    };
    let to_ada = format!("-F to={}", ada.email);
    let link = format!(
        "curl -s http://{admin}/v1/unsubscribe-links -H 'content-type: application/json' -d '{{\"address\":\"{}\"}}'",
        ada.email
    );
    let short = format!("\"$({link} | sed -E 's/.*\"shortUrl\":\"([^\"]*)\".*/\\1/')\"");
    let program = quoted(&std::env::current_exe().unwrap_or_else(|_| "dndgate".into()));
    let config = quoted(&folder.join(CONFIG_FILE));
    let keywords = quoted(&folder.join("policies/keywords.lua"));
    vec![
        (
            "1. Ada gets an SMS, a WhatsApp message, a call and an email.",
            vec![
                message("", ""),
                message("", "whatsapp:"),
                call(""),
                mail("", &to_ada),
                format!(
                    "curl -w '\\n' http://{twilio}/_sandbox/delivered http://{mailgun}/_sandbox/delivered"
                ),
            ],
        ),
        ("2. Ada replies STOP. The sandbox signs the webhook as Twilio does.", vec![reply("STOP")]),
        (
            "3. The next SMS is refused, with the code that Twilio itself uses: 21610. WhatsApp stays free.",
            vec![message("-i ", ""), message("-i ", "whatsapp:")],
        ),
        (
            "4. Where it shows: the decision, the entries behind it, the metrics.",
            vec![
                format!("curl -w '\\n' 'http://{admin}/v1/decisions?limit=1'"),
                format!("{program} -c {config} why SMS {}", ada.phone),
                format!(
                    "curl -s http://{admin}/metrics | grep -E '^dndgate_(sends|webhooks|dnd_changes)_total'"
                ),
            ],
        ),
        ("5. START lifts it, and the SMS goes out.", vec![reply("START"), message("-i ", "")]),
        (
            "6. Clara switched everything off: a mail to both goes to Ada alone, and the answer's header says so.",
            vec![mail("-i ", &format!("{to_ada} -F to={}", clara.email))],
        ),
        (
            "7. What a reply would mean, by the policies as they stand.",
            vec![format!(
                "curl -w '\\n' http://{admin}/v1/policies/try -H 'content-type: application/json' -d \
                 '{{\"messages\":[{{\"channel\":\"SMS\",\"text\":\"please stop texting me\"}},\
                 {{\"channel\":\"SMS\",\"text\":\"stop by at five?\"}}]}}'"
            )],
        ),
        (
            "8. A policy edit counts at once: STOP by SMS now ends calls, too (code 21216).",
            vec![
                format!(
                    "sed -i.bak 's/scope = \"channel\"/scope = {{ SMS = {{ \"Call\" }} }}/' {keywords}; until curl -s http://{admin}/metrics | grep -q 'policy_reloads_total{{outcome=\"ok\"}}'; do sleep 1; done"
                ),
                reply("STOP"),
                call("-i "),
            ],
        ),
        (
            "9. A link for Ada's mail and a short one for texts; its page (open it in a browser); the mail program's button.",
            vec![
                format!("{link} -w '\\n'"),
                format!("curl -s {short}"),
                format!("curl -w '\\n' -d List-Unsubscribe=One-Click {short}"),
            ],
        ),
    ]
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|char| char.is_ascii_alphanumeric() || "/._-+".contains(char)) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
