//! The formats, and how a header tells which one a file has.

use crate::columns::plain;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Contacts: our own export, or columns named as the contacts API names its fields.
    Contacts,
    /// HighLevel's contact export.
    HighLevel,
    /// Mailgun's bounces.
    MailgunBounces,
    /// Mailgun's unsubscribes.
    MailgunUnsubscribes,
    /// Mailgun's complaints.
    MailgunComplaints,
    /// SendGrid's bounces.
    SendgridBounces,
    /// SendGrid's blocks: refused for the moment.
    SendgridBlocks,
    /// SendGrid's invalid emails.
    SendgridInvalid,
    /// SendGrid's spam reports.
    SendgridSpam,
    /// SendGrid's global unsubscribes.
    SendgridUnsubscribes,
    /// Twilio's opt-outs.
    TwilioOptOuts,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 11] = [
        Format::Contacts,
        Format::HighLevel,
        Format::MailgunBounces,
        Format::MailgunUnsubscribes,
        Format::MailgunComplaints,
        Format::SendgridBounces,
        Format::SendgridBlocks,
        Format::SendgridInvalid,
        Format::SendgridSpam,
        Format::SendgridUnsubscribes,
        Format::TwilioOptOuts,
    ];

    /// The name, for `--format`.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Contacts => "contacts",
            Format::HighLevel => "highlevel",
            Format::MailgunBounces => "mailgun-bounces",
            Format::MailgunUnsubscribes => "mailgun-unsubscribes",
            Format::MailgunComplaints => "mailgun-complaints",
            Format::SendgridBounces => "sendgrid-bounces",
            Format::SendgridBlocks => "sendgrid-blocks",
            Format::SendgridInvalid => "sendgrid-invalid",
            Format::SendgridSpam => "sendgrid-spam",
            Format::SendgridUnsubscribes => "sendgrid-unsubscribes",
            Format::TwilioOptOuts => "twilio-optouts",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Does it hold contacts, not entries of a provider's list?
    pub const fn holds_contacts(self) -> bool {
        matches!(self, Format::Contacts | Format::HighLevel)
    }

    /// The format that a header tells. SendGrid's bounces and blocks share one: the file's name decides.
    pub(crate) fn of(header: &[String], file: &str) -> Option<Format> {
        let names: Vec<String> = header.iter().map(|name| plain(name)).collect();
        let has = |name: &str| names.iter().any(|one| one == name);
        let any = |all: &[&str]| all.iter().any(|name| has(name));
        let exactly = |all: &[&str]| names.len() == all.len() && all.iter().all(|name| has(name));
        if has("record") && has("reasons") {
            return Some(Format::Contacts);
        }
        if any(&["contactid"]) && any(&["firstname", "lastname", "name", "email", "phone"]) {
            return Some(Format::HighLevel);
        }
        if has("address") && !any(&["email", "phone", "firstname", "name"]) {
            if has("code") && has("error") {
                return Some(Format::MailgunBounces);
            }
            if any(&["tags", "tag"]) {
                return Some(Format::MailgunUnsubscribes);
            }
            if exactly(&["address", "createdat"]) {
                return Some(Format::MailgunComplaints);
            }
        }
        if has("email") && has("created") {
            if exactly(&["status", "reason", "email", "created"]) {
                let blocks = file.to_ascii_lowercase().contains("block");
                return Some(if blocks { Format::SendgridBlocks } else { Format::SendgridBounces });
            }
            for (columns, format) in [
                (&["reason", "email", "created"][..], Format::SendgridInvalid),
                (&["ip", "email", "created"], Format::SendgridSpam),
                (&["email", "created"], Format::SendgridUnsubscribes),
            ] {
                if exactly(columns) {
                    return Some(format);
                }
            }
        }
        if any(&crate::lists::OPT_OUT_MARKS) && any(&crate::lists::NUMBERS) {
            return Some(Format::TwilioOptOuts);
        }
        let contacts = [
            "email",
            "phone",
            "phonenumber",
            "emailaddress",
            "addresses",
            "mobile",
            "additionalemails",
            "additionalphones",
        ];
        any(&contacts).then_some(Format::Contacts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_the_format() {
        for (header, file, format) in [
            ("Contact Id,First Name,Last Name,Phone,Email,Created,Tags,DND", "x.csv", Format::HighLevel),
            ("firstName,lastName,email,phone,dnd", "x.csv", Format::Contacts),
            ("Email Address;DND SMS", "x.csv", Format::Contacts),
            ("record,id,email,reasons", "x.csv", Format::Contacts),
            ("address,code,error,created_at", "x.csv", Format::MailgunBounces),
            ("address,tags,created_at", "x.csv", Format::MailgunUnsubscribes),
            ("address,created_at", "x.csv", Format::MailgunComplaints),
            ("status,reason,email,created", "suppression_bounces.csv", Format::SendgridBounces),
            ("status,reason,email,created", "suppression_blocks.csv", Format::SendgridBlocks),
            ("reason,email,created", "x.csv", Format::SendgridInvalid),
            ("ip,email,created", "x.csv", Format::SendgridSpam),
            ("email,created", "x.csv", Format::SendgridUnsubscribes),
            ("To,From,Opt-Out Date,Keyword", "x.csv", Format::TwilioOptOuts),
            ("contact_id,sender_id,status,source,date_of_consent", "x.csv", Format::TwilioOptOuts),
        ] {
            let header: Vec<String> = header.split([',', ';']).map(str::to_owned).collect();
            assert_eq!(Format::of(&header, file), Some(format), "{header:?}");
        }
        assert_eq!(Format::of(&["colour".into(), "size".into()], "x.csv"), None);
        for format in Format::ALL {
            assert_eq!(Format::parse(format.name()), Some(format));
        }
    }
}
