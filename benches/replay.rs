//! Measures a replay: `replay FOLDER COUNT` writes a record of that many entries into the folder, nine sends to one
//! reply, and judges it by the shipped policies and by a candidate with a send rule in Lua. Without a count the
//! record that is there is judged.

use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{Region, address};
use dndgate_gateway::{ReplayAsked, replay};
use dndgate_policy::{Book, Limits};
use dndgate_store::record::{About, Entry, Limits as Kept, MessageAbout, Outcome, Segments, SendAbout, Who};
use jiff::{SignedDuration, Timestamp};
use std::{path::Path, time::Instant};

const RULE: &str = "return { on_send = function(send)
  if send.address:sub(1, 5) ~= '+1415' then return end
  local there = clock.at(send.now, 'America/Los_Angeles')
  if there.hour < 8 or there.hour >= 21 then return { block = true, reason = 'quiet hours' } end
end }";
const REPLIES: [&str; 5] =
    ["STOP", "ok thanks", "Can you come at 5 instead?", "please stop texting me", "Who is this?"];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, count @ ..] = &arguments[..] else { panic!("replay FOLDER [COUNT]") };
    let folder = Path::new(folder);
    if let [count] = count {
        write(folder, count.parse().expect("a number of entries"));
    }
    let other = tempfile::tempdir().expect("a folder");
    std::fs::write(other.path().join("sends.lua"), RULE).expect("written");
    let candidate = Book::load(other.path(), Limits::default()).expect("loads");
    let asked = ReplayAsked { dir: folder, since: Timestamp::MIN, tenant: None, list: 20, ends: &|| false };
    let begun = Instant::now();
    let report = replay(asked, &Book::embedded(), &candidate).expect("a record");
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!(
        "{} entries judged twice in {seconds:.2} s ({:.2} µs each), {} differ",
        report.judged,
        seconds / report.judged as f64 * 1e6,
        report.different
    );
}

fn write(folder: &Path, count: u64) {
    let mut segments = Segments::open(folder).expect("a folder");
    let limits = Kept { keep: SignedDuration::from_hours(168), bytes_max: 16 << 30 };
    let begun = Instant::now();
    let (mut lines, mut bytes) = (Vec::new(), 0);
    for number in 0..count {
        let at = Timestamp::from_millisecond(1_795_000_000_000 + number as i64 * 600).expect("in range");
        let phone = format!("+1415{:07}", number % 5_000_000);
        let key = address::normalise(AddressKind::Phone, &phone, Region::US).expect("a number").key;
        let about = if number % 10 == 0 {
            let text = REPLIES[number as usize / 10 % REPLIES.len()];
            About::Message(MessageAbout {
                channel: Channel::Sms,
                texts: Some(vec![text.into()]),
                provider_meaning: None,
            })
        } else {
            About::Send(SendAbout {
                channels: Channel::Sms.into(),
                kind: "message".into(),
                address_kind: AddressKind::Phone,
                address: phone.into(),
                sender: "+15005550006".into(),
                tags: Vec::new(),
                scheduled: false,
                thinned: false,
                kept_back: None,
            })
        };
        let entry = Entry {
            who: Who::new(&[7; 32], "default", &key),
            at,
            tenant: "default".into(),
            provider: "twilio".into(),
            id: "0199c3a1-7b1e-7c60-9d3a-2f6f0c1d2e3f".into(),
            about,
            was: Outcome { what: "allow".into(), rule: "".into() },
        };
        serde_json::to_writer(&mut lines, &entry).expect("serialises");
        lines.push(b'\n');
        if lines.len() > 1 << 20 || number + 1 == count {
            segments.append(&lines, at, limits).expect("written");
            bytes += lines.len();
            lines.clear();
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!(
        "{count} entries written in {seconds:.2} s ({:.2} µs each), {} bytes each",
        seconds / count as f64 * 1e6,
        bytes as u64 / count.max(1)
    );
}
