//! What must hold of a mail besides, for its recipients to be certain.

use dndgate_adapter::{
    Unreadable,
    json::Json,
    mail::{headers, list, name},
    mime,
};

/// Checks a mail.
pub(crate) fn check(body: &Json<'_>) -> Result<(), Unreadable> {
    let batch = body.field("batch_id")?;
    if batch.is_some_and(|batch| !batch.is_null() && batch.as_str().is_none()) {
        return Err(Unreadable::new("batch_id must be text"));
    }
    headers(body)?;
    lines(body)?;
    for mail in list(body, "personalizations")? {
        headers(mail)?;
        lines(mail)?;
        for role in ["to", "cc", "bcc"] {
            for person in list(mail, role)? {
                name(person)?;
            }
        }
    }
    Ok(())
}

/// What else stands in the header of a mail must not break into fields of its own.
fn lines(object: &Json<'_>) -> Result<(), Unreadable> {
    let name = |field: &str| object.field(field).ok().flatten().and_then(|one| one.get("name"));
    let subject = object.field("subject")?;
    let texts = [subject, name("from"), name("reply_to")];
    if texts.into_iter().flatten().filter_map(Json::as_str).any(mime::breaks_into_recipients) {
        return Err(Unreadable::new(
            "a line of the subject or of a name reads as a header field that names recipients",
        ));
    }
    Ok(())
}
