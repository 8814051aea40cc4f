//! Taking people out, refusing, answering for everybody, adding header fields.
#![allow(clippy::unwrap_used)]

mod common;

use common::{named, reached_by, refusal, trimmed};
use dndgate_adapter::{Adapter, Request, apply_edits, fixture, laws, sign};
use dndgate_ses::SES;
use http::HeaderMap;

#[test]
fn r11_people_are_taken_out_and_nobody_else() {
    let simple = trimmed("boto3-simple.http", &[0, 3]).unwrap();
    assert!(
        simple.contains(r#""Destination": {"ToAddresses": ["Grace <grace@example.com>"], "CcAddresses": ["carl@example.com"]}"#),
        "{simple}"
    );
    // The first copied person becomes the addressee.
    let promoted = trimmed("boto3-simple.http", &[0, 1]).unwrap();
    assert!(
        promoted.contains(
            r#""Destination": {"ToAddresses": ["carl@example.com"], "BccAddresses": ["bea@example.com"]}"#
        ),
        "{promoted}"
    );
    assert_eq!(trimmed("boto3-simple.http", &[0, 1, 2]), None, "hidden copies alone would show");
    let bulk = trimmed("boto3-bulk.http", &[0, 2]).unwrap();
    assert!(!bulk.contains("ada@") && !bulk.contains("Ada") && !bulk.contains("carl@"), "{bulk}");
    assert!(bulk.contains("bob@example.com") && bulk.contains("bea@") && bulk.contains("grace@"), "{bulk}");
    // A raw mail whose header names the recipients keeps its bytes, and the request says who stays.
    let raw = trimmed("boto3-raw.http", &[1]).unwrap();
    assert!(
        raw.starts_with(r#"{"Destination":{"ToAddresses":["ada@example.com"],"BccAddresses":["bea@example.com"]},"Content""#),
        "{raw}"
    );
    let message = raw.split("\"Data\": \"").nth(1).unwrap().split('"').next().unwrap();
    let message = String::from_utf8(sign::from_base64(message).unwrap()).unwrap();
    assert_eq!(
        message,
        "From: team@mg.example.com\r\nTo: Ada <ada@example.com>\r\nCc: carl@example.com\r\nSubject: hi\r\n\r\nhello\r\n"
    );
}

#[test]
fn r11_lists_of_the_api_of_2010_count_from_one_again() {
    let lists = |form: &str| -> Vec<String> {
        form.split('&').filter(|pair| pair.starts_with("Destination")).map(str::to_owned).collect()
    };
    assert_eq!(
        lists(&trimmed("v1-email.http", &[0]).unwrap()),
        [
            "Destination.ToAddresses.member.1=bob%40example.com",
            "Destination.CcAddresses.member.1=carl%40example.com",
            "Destination.BccAddresses.member.1=bea%40example.com",
        ]
    );
    assert_eq!(
        lists(&trimmed("v1-email.http", &[0, 1, 3]).unwrap()),
        ["Destination.ToAddresses.member.1=carl%40example.com"]
    );
    assert_eq!(
        lists(&trimmed("v1-bulk.http", &[0, 2]).unwrap()),
        [
            "Destinations.member.1.Destination.ToAddresses.member.1=bob%40example.com",
            "Destinations.member.1.ReplacementTags.member.1.Name=a",
            "Destinations.member.1.ReplacementTags.member.1.Value=b",
            "Destinations.member.2.Destination.ToAddresses.member.1=grace%40example.com",
        ]
    );
    assert_eq!(lists(&trimmed("v1-raw.http", &[0]).unwrap()), ["Destinations.member.1=bob%40example.com"]);
    let raw = trimmed("v1-raw-header.http", &[0]).unwrap();
    assert!(
        raw.ends_with(
            "Destinations%2Emember%2E1=carl%40example%2Ecom&Destinations%2Emember%2E2=bea%40example%2Ecom"
        ),
        "{raw}"
    );
}

#[test]
fn r11_a_trimmed_bulk_send_answers_for_everybody() {
    let stitched = |name: &str, drop: &[usize], answer: &str| {
        let fixture = named("requests", name);
        let request = fixture.request(SES.profile());
        let send = laws::sending(&SES, &request).unwrap();
        assert!(SES.stitches(&send));
        let refused: Vec<_> = drop
            .iter()
            .map(|index| dndgate_adapter::Refused { index: *index, refusal: refusal("keyword") })
            .collect();
        let answered = dndgate_adapter::Answer {
            status: http::StatusCode::OK,
            headers: &HeaderMap::new(),
            body: answer.as_bytes(),
        };
        let body = SES.stitch(&request, &send, &refused, &answered)?;
        Some(String::from_utf8(body).unwrap())
    };
    let two = r#"{"BulkEmailEntryResults":[{"Status":"SUCCESS","MessageId":"b"},{"Status":"FAILED","Error":"c"}],"x":1}"#;
    assert_eq!(
        stitched("boto3-bulk.http", &[0, 2], two).unwrap(),
        r#"{"BulkEmailEntryResults":[{"Status":"MESSAGE_REJECTED","Error":"why <&>"},{"Status":"SUCCESS","MessageId":"b"},{"Status":"FAILED","Error":"c"}],"x":1}"#
    );
    assert_eq!(stitched("boto3-bulk.http", &[0, 4], two), None, "not as many as there should be");
    assert_eq!(stitched("boto3-bulk.http", &[0], "what?"), None);
    let one = "<SendBulkTemplatedEmailResponse><SendBulkTemplatedEmailResult><Status>\n<member><Status>Success</Status>\
               <MessageId>c</MessageId></member></Status></SendBulkTemplatedEmailResult></SendBulkTemplatedEmailResponse>";
    assert_eq!(
        stitched("v1-bulk.http", &[0, 1, 2], one).unwrap(),
        "<SendBulkTemplatedEmailResponse><SendBulkTemplatedEmailResult><Status>\
         <member><Status>MessageRejected</Status><Error>why &lt;&amp;&gt;</Error></member>\
         <member><Status>MessageRejected</Status><Error>why &lt;&amp;&gt;</Error></member>\
         <member><Status>Success</Status><MessageId>c</MessageId></member>\
         </Status></SendBulkTemplatedEmailResult></SendBulkTemplatedEmailResponse>"
    );
}

#[test]
fn r12_a_block_is_a_rejected_message() {
    let request = named("requests", "boto3-simple.http");
    let reply = SES.refuse(&request.request(SES.profile()).head, &refusal("complaint"));
    assert_eq!(reply.status, 400);
    assert!(
        reply.headers.iter().any(|(name, value)| name == "x-amzn-errortype" && value == "MessageRejected")
    );
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert!(body["message"].as_str().unwrap().contains("reason: complaint"));
    let request = named("requests", "v1-email.http");
    let reply = SES.refuse(&request.request(SES.profile()).head, &refusal("complaint"));
    let body = String::from_utf8(reply.body).unwrap();
    assert!(
        body.contains("<Code>MessageRejected</Code><Message>Do-Not-Disturb: why &lt;&amp;&gt; "),
        "{body}"
    );
}

#[test]
fn header_fields_are_added_where_there_is_a_place() {
    let added = |name: &str| {
        let fixture = named("requests", name);
        let request = fixture.request(SES.profile());
        let send = laws::sending(&SES, &request).unwrap();
        let reached = fixture::reached(&send);
        let edits = SES.add_headers(&request, &send, &[("List-Unsubscribe", "<https://x/u/1>")]).ok()?;
        let body = apply_edits(request.body, &edits);
        assert_eq!(reached_by(&Request { body: &body, head: request.head }), reached, "{name}");
        Some(String::from_utf8(body).unwrap())
    };
    let field = r#""Headers":[{"Name":"List-Unsubscribe","Value":"<https://x/u/1>"}],"#;
    assert!(added("boto3-simple.http").unwrap().contains(&format!(r#""Simple": {{{field}"Subject""#)));
    assert_eq!(added("boto3-template.http"), None, "SES adds its own");
    let raw = added("raw-empty-destination.http").unwrap();
    let message = raw.split("\"Data\":\"").nth(1).unwrap().split('"').next().unwrap();
    let message = String::from_utf8(sign::from_base64(message).unwrap()).unwrap();
    assert_eq!(message, "To: ada@example.com\nList-Unsubscribe: <https://x/u/1>\n\nhi");
    assert_eq!(added("boto3-raw.http"), None, "its Bcc may have to go as well");
    assert_eq!(added("v1-email.http"), None);
}
