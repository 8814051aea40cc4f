//! Requests of the gateway's own to the provider: cancelling what is scheduled, confirming an opt-out.

use crate::{
    describe::{API_KEY, Fault},
    file,
    template::{Escape, Template},
};
use dndgate_adapter::{Secrets, credentials, outbound::Call};
use http::{HeaderName, HeaderValue, Method, header};
use toml::Spanned;

/// What may stand in `[cancel]`.
pub(crate) const CANCEL_NAMES: &[&str] = &["id", "address", "api_key"];
/// What may stand in `[confirm]`.
pub(crate) const CONFIRM_NAMES: &[&str] = &["person", "business", "text", "api_key"];

/// A described request.
#[derive(Debug)]
pub(crate) struct CallOf {
    /// Where it stands in the description.
    pub(crate) at: usize,
    method: Method,
    target: Template,
    headers: Vec<(HeaderName, Template)>,
    media: Option<HeaderValue>,
    body: Template,
    basic: bool,
}

impl CallOf {
    pub(crate) fn describe(
        written: Spanned<file::Call>,
        names: &'static [&'static str],
    ) -> Result<CallOf, Fault> {
        let at = written.span().start;
        let file::Call { request, media, body, headers, basic } = written.into_inner();
        let wrong = |why: String| (at, why);
        let (method, target) = request.split_once(' ').unwrap_or_default();
        let method = method.parse::<Method>().ok().filter(|_| target.starts_with('/'));
        let method = method.ok_or_else(|| wrong("request: write it as \"POST /v1/cancel\"".into()))?;
        if media.is_none() && !body.is_empty() {
            return Err(wrong("type is missing: of which media type is the body?".into()));
        }
        let mut fields = Vec::new();
        for (name, value) in &headers {
            let name: HeaderName =
                name.parse().map_err(|_| wrong(format!("{name:?} is no name of a header field")))?;
            fields.push((name, Template::read(value, names, Escape::Plain).map_err(wrong)?));
        }
        let escape = Escape::of(media.as_deref().unwrap_or_default());
        let media = media.map(HeaderValue::try_from).transpose();
        Ok(CallOf {
            at,
            method,
            target: Template::read(target.trim(), names, Escape::Percent).map_err(wrong)?,
            headers: fields,
            media: media.map_err(|_| wrong("type is no media type".into()))?,
            body: Template::read(&body, names, escape).map_err(wrong)?,
            basic,
        })
    }

    fn needs_key(&self) -> bool {
        let fields = self.headers.iter().map(|(_, template)| template);
        self.basic || [&self.target, &self.body].into_iter().chain(fields).any(|one| one.has(API_KEY))
    }

    /// The request with these values, all but the last of its names. `None` when the key is needed and missing.
    pub(crate) fn with(&self, values: &[&str], secrets: &Secrets) -> Option<Call> {
        let key = secrets.first(API_KEY);
        if self.needs_key() && key.is_none() {
            return None;
        }
        let key = key.unwrap_or_default();
        let values: Vec<&str> = values.iter().copied().chain([key]).collect();
        let mut headers = Vec::new();
        for (name, template) in &self.headers {
            headers.push((name.clone(), credentials::secret(&template.write(&values))?));
        }
        if self.basic {
            headers.push((header::AUTHORIZATION, credentials::basic(key)?));
        }
        if let Some(media) = &self.media {
            headers.push((header::CONTENT_TYPE, media.clone()));
        }
        Some(Call {
            method: self.method.clone(),
            host: None,
            path_and_query: self.target.write(&values),
            headers,
            body: self.body.write(&values).into_bytes(),
        })
    }
}
