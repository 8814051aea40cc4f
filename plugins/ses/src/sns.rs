//! Webhooks come through Amazon SNS: its proof, and the confirmation of subscriptions ("Verifying the signatures of
//! Amazon SNS messages", SNS developer guide).
//!
//! Whoever has an AWS account can have SNS sign whatever he likes. So a webhook counts when it is signed *and* of a
//! topic that the configuration names.

use crate::TOPIC;
use dndgate_adapter::{
    Ask, Forged, Secrets, Webhook,
    json::{self, Json},
    path, sign,
};
use jiff::Timestamp;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
    UnparsedPublicKey,
};
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
    pem::PemObject,
};
use std::borrow::Cow;

/// The hosts of SNS.
pub(crate) const HOSTS: [&str; 2] = ["sns.*.amazonaws.com", "sns.*.amazonaws.com.cn"];
/// How old a message may be: SNS tries for an hour, and what went astray waits in a queue for 14 days at most.
const SECONDS_MAX: i64 = 14 * 24 * 3600;
/// How far ahead its clock may be.
const AHEAD_SECONDS_MAX: i64 = 15 * 60;

/// A message of SNS.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    json: Json<'a>,
}

impl<'a> Message<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Message<'a>> {
        Some(Message { json: json::read(body).ok().filter(|json| json.as_object().is_some())? })
    }

    /// A field that is text.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.json.get(name).and_then(Json::text)
    }

    fn is(&self, kind: &str) -> bool {
        self.text("Type").as_deref() == Some(kind)
    }

    /// Does it ask for something, rather than tell?
    fn asks(&self) -> bool {
        self.is("SubscriptionConfirmation") || self.is("UnsubscribeConfirmation")
    }

    /// What its signature is about: each field's name and value on a line of its own.
    fn signed(&self) -> Option<Vec<u8>> {
        let names: &[&str] = if self.asks() {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        } else if self.is("Notification") {
            &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        } else {
            return None;
        };
        let mut signed = String::new();
        for name in names {
            match self.json.get(name).filter(|value| !value.is_null()) {
                None if *name == "Subject" => {}
                value => {
                    signed.extend([name, "\n", value?.as_str()?, "\n"]);
                }
            }
        }
        Some(signed.into_bytes())
    }
}

/// The certificate that the signature names.
pub(crate) fn proof_document(webhook: &Webhook<'_>) -> Result<Option<Ask>, Forged> {
    let message = Message::read(webhook.body).ok_or(Forged(
        "it is no message of Amazon SNS; raw message delivery must be off, which leaves the signature out",
    ))?;
    // SNS has written this field in two ways.
    let url = message.text("SigningCertURL").or_else(|| message.text("SigningCertUrl"));
    let url = url.ok_or(Forged("it names no certificate: raw message delivery must be off"))?;
    let ask = sns_url(&url).ok_or(Forged("its certificate is not at Amazon SNS"))?;
    let file = ask.path_and_query.strip_prefix("/SimpleNotificationService-");
    let name = file.and_then(|file| file.strip_suffix(".pem"));
    if !name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return Err(Forged("its certificate is none of Amazon SNS"));
    }
    Ok(Some(ask))
}

/// An address at SNS, as a question.
fn sns_url(url: &str) -> Option<Ask> {
    let rest = url.strip_prefix("https://")?;
    let (host, path_and_query) = rest.split_at(rest.find('/')?);
    let plain = path_and_query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\');
    let is_sns = HOSTS.iter().any(|pattern| path::host_fits(pattern, host));
    (plain && is_sns).then(|| Ask {
        host: Some(host.to_owned()),
        path_and_query: path_and_query.to_owned(),
        ..Ask::default()
    })
}

/// Is it signed by SNS, and of a configured topic?
pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets, now: Timestamp) -> Result<(), Forged> {
    let message = Message::read(webhook.body).ok_or(Forged("it is no message of Amazon SNS"))?;
    for (field, name) in [("x-amz-sns-message-type", "Type"), ("x-amz-sns-message-id", "MessageId")] {
        for value in webhook.headers.get_all(field) {
            if message.text(name).is_none_or(|said| said.as_bytes() != value.as_bytes()) {
                return Err(Forged("its header fields say something else than its body"));
            }
        }
    }
    let topic = message.text("TopicArn").ok_or(Forged("it names no topic"))?;
    if !secrets.all(TOPIC).iter().any(|known| !known.is_empty() && *known == *topic) {
        return Err(Forged("its topic is none of the configured topic_arn"));
    }
    let at = message.text("Timestamp").and_then(|at| at.parse::<Timestamp>().ok());
    let age = now.as_second() - at.ok_or(Forged("its time stamp is no time"))?.as_second();
    if !(-AHEAD_SECONDS_MAX..=SECONDS_MAX).contains(&age) {
        return Err(Forged("its time stamp is too old, or from the future"));
    }
    let parameters: &'static RsaParameters = match message.text("SignatureVersion").as_deref() {
        Some("1") => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Some("2") => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(Forged("the gateway does not know the version of its signature")),
    };
    let signature = message.text("Signature").and_then(|text| sign::from_base64(&text));
    let signature = signature.ok_or(Forged("its signature is not base64"))?;
    let signed = message.signed().ok_or(Forged("a field that its signature is about is missing"))?;
    let document = webhook.document.ok_or(Forged("its certificate is not there"))?;
    let certificate =
        CertificateDer::from_pem_slice(document).map_err(|_| Forged("its certificate is no certificate"))?;
    webpki::EndEntityCert::try_from(&certificate)
        .and_then(|certificate| certificate.verify_signature(&Rsa(parameters), &signed, &signature))
        .map_err(|_| Forged("its signature is not Amazon's"))
}

/// RSA with the digest that the message names. SHA-1 is what SNS signs with unless a topic asks for better.
#[derive(Debug)]
struct Rsa(&'static RsaParameters);

impl SignatureVerificationAlgorithm for Rsa {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.0, key).verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        // Asked for of certificates alone.
        alg_id::RSA_PKCS1_SHA256
    }
}

/// The call that confirms a subscription of a configured topic.
pub(crate) fn subscription(webhook: &Webhook<'_>, secrets: &Secrets) -> Option<Ask> {
    let message = Message::read(webhook.body).filter(|message| message.is("SubscriptionConfirmation"))?;
    let topic = message.text("TopicArn")?;
    if !secrets.all(TOPIC).iter().any(|known| *known == *topic) {
        return None;
    }
    let ask = sns_url(&message.text("SubscribeURL")?)?;
    // Nothing but this confirmation, of this topic.
    let query = ask.path_and_query.strip_prefix("/?")?;
    let pair = |name: &str| {
        let mut found =
            query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == name);
        let (_, value) = found.next()?;
        let value = percent_encoding::percent_decode_str(value).decode_utf8().ok()?;
        found.next().is_none().then_some(value)
    };
    (pair("Action")? == "ConfirmSubscription" && pair("TopicArn")? == *topic).then_some(ask)
}
