//! Asking the provider whom a send would reach, where the request does not say.

use super::{
    Exchange,
    stop::{Stop, unnamed, upstream_stop},
};
use crate::question::{self, Unasked};
use dndgate_adapter::{Ask, Asked, RefusalCause, Request as ProviderRequest, Sending};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// The most pages of a provider's answer to a question.
const PAGES_MAX: usize = 20;

impl Exchange<'_> {
    /// Asks the provider whom a send would reach, with the caller's own credentials.
    pub(super) async fn ask<'r>(
        &self,
        request: &ProviderRequest<'r>,
        mut ask: Ask,
    ) -> Result<Sending<'r>, Stop> {
        let allowed = |name| self.target.route.provider.allow_unnamed.iter().any(|one| one == name);
        let mut answers = Vec::new();
        if ask.unless_allowed.is_some_and(allowed)
            && let Asked::Send(sending) = self.adapter().asked(request, &answers)?
        {
            return Ok(sending);
        }
        while answers.len() < PAGES_MAX {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            if let Some(credentials) = self.head.headers.get(header::AUTHORIZATION) {
                headers.insert(header::AUTHORIZATION, credentials.clone());
            }
            let timeout = self.worker.shared.traffic.upstream_timeout.0;
            let answer = question::put(self.worker, &self.target.route, &ask, headers, timeout).await;
            let answer = answer.map_err(|why| match why {
                Unasked::Upstream(error) => upstream_stop(error),
                why => {
                    Stop::new(RefusalCause::Unreadable, format!("the question whom it would reach: {why}"))
                }
            })?;
            let missing = ask.or_missing && answer.status() == StatusCode::NOT_FOUND;
            if !answer.status().is_success() && !missing {
                return Err(Stop::new(
                    RefusalCause::Unreadable,
                    format!(
                        "the provider answered {} to the question whom this send would reach",
                        answer.status().as_u16()
                    ),
                ));
            }
            let whole = self.read_answer(answer.into_body()).await?;
            answers.push(if missing { Vec::new() } else { whole.to_vec() });
            match self.adapter().asked(request, &answers)? {
                Asked::Send(sending) => return Ok(sending),
                Asked::More(next) => ask = next,
                Asked::Unnamed(name) => return Err(unnamed(name)),
            }
        }
        Err(Stop::new(
            RefusalCause::Unreadable,
            "this send would reach more people than the gateway can check",
        ))
    }
}
