//! The contract between the gateway and a provider.
//!
//! An *adapter* translates: it reads a provider's requests and webhooks into the words of this crate and
//! renders the gateway's answers in the provider's own shape. It is pure: bytes in, values out. It opens no
//! socket, keeps no state, reads no clock and no configuration, and never interprets: STOP is a message with
//! a text, 30005 is a failure with a code. What they mean is for the operator's policies.
//!
//! A new provider is one crate that implements [`Adapter`] and one line in the gateway's list of adapters.
//! Its tests run the [`laws`] over its own fixtures.
//!
//! Reading order: [`words`] (channels, addresses), [`request`], [`outbound`], [`webhook`], [`Adapter`];
//! [`suppressions`] where the provider keeps lists of its own.

pub mod credentials;
pub mod fixture;
pub mod form;
pub mod json;
pub mod jwt;
pub mod laws;
pub mod letter;
pub mod mail;
pub mod mailbox;
pub mod mime;
pub mod multipart;
pub mod outbound;
pub mod path;
pub mod request;
pub mod sandbox;
pub mod sign;
pub mod sip;
pub mod suppressions;
pub mod table;
pub mod webhook;
pub mod words;

pub use outbound::{
    Answer, Ask, Asked, Callback, CallbackKind, Came, CannotAdd, CannotTrim, Copies, Known, Learned, Look,
    Onward, Outbound, Recipient, Refusal, RefusalCause, Refused, Role, Scheduled, Sending, Unreadable,
};
pub use request::{Edit, Head, Place, Quoting, Reply, Request, apply_edits};
pub use webhook::{
    Authentic, Event, EventKind, Forged, Once, Proof, ReplyGate, ReplyLink, Resigned, Severity, Spoken,
    Webhook,
};
pub use words::{AddressKind, Channel, Channels, Key, Profile, Secrets};

use std::{borrow::Cow, fmt::Debug};

/// What a provider plugin implements. Methods stand in the order in which the gateway calls them.
///
/// Implementations are unit structs registered once by name, see [`Profile::name`].
pub trait Adapter: Debug + Send + Sync + 'static {
    /// Name, hosts, channels and configuration keys. Read once at start.
    fn profile(&self) -> &'static Profile;

    // --- sends -------------------------------------------------------------------------------------------

    /// The provider account a request acts for (Account SID, sending domain, page id), when its head says so.
    /// The gateway finds the tenant by it and refuses accounts that are not configured.
    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>>;

    /// First look, before the body is read: [`Look::Nobody`] streams through, [`Look::Body`] makes the
    /// gateway collect the body and call [`Adapter::read`].
    ///
    /// # Errors
    /// A head that no provider client would send, or that a proxy cannot carry: the request is refused.
    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable>;

    /// Who would be reached by this request? Called only after [`Look::Body`], with the decoded body.
    ///
    /// # Errors
    /// When the recipients cannot be read with certainty. The request is refused (R10).
    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable>;

    /// What the provider said to the question of [`Outbound::Ask`]. `answers` holds the body of each
    /// successful answer so far, in the order asked.
    ///
    /// # Errors
    /// When the answer does not name the recipients with certainty. The request is refused.
    fn asked<'a>(&self, request: &Request<'a>, answers: &[Vec<u8>]) -> Result<Asked<'a>, Unreadable> {
        let _ = (request, answers);
        Err(Unreadable::new("this adapter asks nothing"))
    }

    /// Takes recipients out of a request (R11): the edits to its body that leave everybody but those at the
    /// indices `drop` (into the recipients that [`Adapter::read`] gave for the same request, ascending, at
    /// least one stays). Recipients must be trimmed wherever they stand twice.
    ///
    /// # Errors
    /// When the request cannot be sent to the others alone. It is then refused as a whole.
    fn trim(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        drop: &[usize],
    ) -> Result<Vec<Edit>, CannotTrim>;

    /// The edits that add header fields to a mail, such as `List-Unsubscribe`, before the provider signs it.
    /// Called only for a mail to one person, or of which [`Adapter::trim`] leaves one, and only when the operator
    /// wants it; the edits may stand beside those of `trim`. Names and values hold no line breaks.
    ///
    /// # Errors
    /// When the mail has such fields, or they have no place in it: it then goes as it is.
    fn add_headers(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        headers: &[(&str, &str)],
    ) -> Result<Vec<Edit>, CannotAdd> {
        let _ = (request, send, headers);
        Err(CannotAdd::Unfit("this provider takes no header fields"))
    }

    /// The request's query with the same recipients taken out, for requests that name them there. Runs beside
    /// [`Adapter::trim`]. `None`, the default: the query stays.
    fn trim_query(&self, request: &Request<'_>, send: &Sending<'_>, drop: &[usize]) -> Option<String> {
        let _ = (request, send, drop);
        None
    }

    /// Renders a refusal in the provider's own error shape, so that its official SDK raises its own
    /// exception (R12). Also used for the gateway's own failures (502, 503, 504).
    fn refuse(&self, head: &Head<'_>, refusal: &Refusal<'_>) -> Reply;

    /// The answer to a send of which nobody is left, where the provider answers each recipient or each part of a
    /// batch for itself. `refused` holds all of them, in their order. `None`, the default: [`Adapter::refuse`]
    /// tells of the first.
    fn refuse_each(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        refused: &[Refused<'_>],
    ) -> Option<Reply> {
        let _ = (request, send, refused);
        None
    }

    /// Signs a request anew on its way to the provider: runs for every request of an adapter whose profile
    /// [`Profile::signs_onward`], when nothing of it changes any more. Checks the caller's own signature by
    /// [`Onward::came`] first. Runs for the gateway's own calls too, which have no caller. The fields it gives
    /// replace those of the same name.
    ///
    /// # Errors
    /// When the caller's signature is missing or wrong, or credentials are: the request is refused with
    /// [`RefusalCause::Signature`].
    fn sign_onward(
        &self,
        onward: &Onward<'_>,
        secrets: &Secrets,
        now: jiff::Timestamp,
    ) -> Result<Vec<(http::HeaderName, http::HeaderValue)>, Unreadable> {
        let _ = (onward, secrets, now);
        Err(Unreadable::new("this adapter signs nothing"))
    }

    /// Should the gateway read the provider's answer to this send, with that status, into memory and show it
    /// to [`Adapter::learn`]? Otherwise it is streamed. The default: answers that refuse (4xx) and answers to
    /// scheduled sends.
    fn wants_answer(&self, send: &Sending<'_>, status: http::StatusCode) -> bool {
        status.is_client_error() || send.scheduled
    }

    /// What an answer says about the recipients: error codes that concern them, and the handle of a scheduled
    /// send. Called only when [`Adapter::wants_answer`] said so, with the provider's own answer; it does not
    /// know of those at the indices `dropped`, who were taken out.
    fn learn(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        dropped: &[usize],
        answer: &Answer<'_>,
    ) -> Learned {
        let _ = (request, send, dropped, answer);
        Learned::default()
    }

    /// The body of the provider's answer to a trimmed send, edited so that the caller sees each of its own
    /// recipients, those taken out included (R11): where the answer lists them by position, counts or names
    /// them. Runs for trimmed sends only, and for any status; all other answers stream. `None`, the default and
    /// the right answer to what cannot be read: unchanged.
    fn stitch(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        refused: &[Refused<'_>],
        answer: &Answer<'_>,
    ) -> Option<Vec<u8>> {
        let _ = (request, send, refused, answer);
        None
    }

    /// Does [`Adapter::stitch`] edit the answer to this trimmed send? Only then it is read into memory.
    fn stitches(&self, send: &Sending<'_>) -> bool {
        let _ = send;
        false
    }

    /// The request that cancels a scheduled send at the provider, with credentials from `secrets`.
    /// `None` when these do not suffice; then scheduled sends are refused, because an opt-out in between
    /// could not be honoured (R14).
    fn cancel(&self, scheduled: &Scheduled, secrets: &Secrets) -> Option<outbound::Call> {
        let _ = (scheduled, secrets);
        None
    }

    /// Does this status of the answer to [`Adapter::cancel`] say that the send will not leave? Otherwise it is
    /// tried again. The default: success, and what says that it is not there or has left already.
    fn cancelled(&self, status: http::StatusCode) -> bool {
        status.is_success() || matches!(status.as_u16(), 400 | 404 | 409 | 410)
    }

    /// The provider's suppression lists, where its API offers them: asked before a spam complaint is released
    /// (R21), and compared with what the gateway knows. `None`: complaints from this provider stay locked.
    fn suppressions(&self) -> Option<&'static dyn suppressions::Suppressions> {
        None
    }

    // --- webhooks ----------------------------------------------------------------------------------------

    /// The answer to a verification handshake, if this is one: a `GET` with a challenge in the query, or a
    /// `POST` with one in the body. Runs first, before anything is proven: answer only what holds the agreed
    /// token, and give back nothing but the challenge.
    fn handshake(&self, webhook: &Webhook<'_>, secrets: &Secrets) -> Option<Reply> {
        let _ = (webhook, secrets);
        None
    }

    /// A document that the proof of this webhook needs, such as the certificate that its signature names. The
    /// gateway fetches it (`https`, from one of [`Profile::hosts`] only), keeps it, and shows it to
    /// [`Adapter::verify`] as [`Webhook::document`]. `None`, the default: nothing is needed.
    ///
    /// # Errors
    /// When the webhook names a document that cannot be meant: it is forged.
    fn proof_document(&self, webhook: &Webhook<'_>) -> Result<Option<Ask>, Forged> {
        let _ = webhook;
        Ok(None)
    }

    /// A proven webhook asks to be confirmed by a call of this address (Amazon SNS): the gateway calls it (one of
    /// [`Profile::hosts`] only) before it answers. Only for what the configuration names: a signature alone is
    /// no consent. `None`, the default: there is nothing to confirm.
    fn subscription(&self, webhook: &Authentic<'_>, secrets: &Secrets) -> Option<Ask> {
        let _ = (webhook, secrets);
        None
    }

    /// Is the webhook the provider's? Compare in constant time and check time stamps against `now`.
    /// Do not call this; call [`Webhook::prove`], whose result is the only way to read events.
    ///
    /// # Errors
    /// When it is not proven. The gateway answers 403 and nothing happens.
    fn verify(&self, webhook: &Webhook<'_>, secrets: &Secrets, now: jiff::Timestamp)
    -> Result<Proof, Forged>;

    /// What the webhook says. Reading the same webhook twice gives equal events.
    ///
    /// # Errors
    /// When it cannot be parsed. It is passed on to the CRM all the same, and counted.
    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable>;

    /// The answer that turns an inbound call or message away (R4), or `None` where the provider has no such
    /// thing; then it is acknowledged and not passed on.
    fn decline(&self, event: &Event<'_>) -> Option<Reply> {
        let _ = event;
        None
    }

    /// The answer that tells the provider "taken", when no CRM answered.
    fn acknowledge(&self, webhook: &Authentic<'_>) -> Reply;

    /// Does the provider itself answer this opt-out, or can nothing answer it? Then the gateway sends no
    /// confirmation. The default: yes.
    fn confirms_itself(&self, webhook: &Authentic<'_>, event: &Event<'_>) -> bool {
        let _ = (webhook, event);
        true
    }

    /// Puts the text that confirms an opt-out into the answer to its webhook, beside what the CRM says there.
    /// `None`: an answer sends nothing here, or this one would not be run.
    fn confirm(
        &self,
        webhook: &Authentic<'_>,
        event: &Event<'_>,
        answer: &Answer<'_>,
        text: &str,
    ) -> Option<Reply> {
        let _ = (webhook, event, answer, text);
        None
    }

    /// The request that sends the text that confirms an opt-out, with credentials from `secrets`. `None` when
    /// these do not suffice.
    fn confirm_call(
        &self,
        webhook: &Authentic<'_>,
        event: &Event<'_>,
        text: &str,
        secrets: &Secrets,
    ) -> Option<outbound::Call> {
        let _ = (webhook, event, text, secrets);
        None
    }

    /// Applies the verdict to what the CRM answers to a webhook, which can itself be a send (R14: TwiML, a
    /// plain text). `gate` judges recipients and maps links. `None`: unchanged.
    ///
    /// # Errors
    /// When the answer cannot be read with certainty; the provider then gets [`Adapter::acknowledge`].
    fn gate_reply(
        &self,
        webhook: &Authentic<'_>,
        answer: &Answer<'_>,
        gate: &mut dyn ReplyGate,
    ) -> Result<Option<Reply>, Unreadable> {
        let _ = (webhook, answer, gate);
        Ok(None)
    }

    /// Signs the webhook anew for the CRM's own verifier, which checks `url`, the CRM's address. `late` means
    /// that it is passed on after the fact and time stamps must be fresh. `None`: as it came.
    fn resign(
        &self,
        webhook: &Authentic<'_>,
        url: &str,
        secrets: &Secrets,
        now: jiff::Timestamp,
        late: bool,
    ) -> Option<Resigned> {
        let _ = (webhook, url, secrets, now, late);
        None
    }

    /// The provider's stand-in for `dndgate demo` and for tests.
    fn sandbox(&self) -> Option<&'static dyn sandbox::Sandbox> {
        None
    }
}
