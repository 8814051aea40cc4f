//! An answer's way back: the adapter learns from it, and edits it.

use super::{Exchange, stop::Stop};
use crate::{
    body::{self, Body},
    call, forward,
    out::{Out, Why},
    route::TenantRoute,
};
use bytes::Bytes;
use dndgate_adapter::{Learned, RefusalCause, Request as ProviderRequest, Scheduled};
use http::{Response, header};

/// The largest answer that is read, in bytes: the answer to a batch of fifty is the largest there is.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

impl Exchange<'_> {
    pub(super) async fn read_answer(&self, answer: Body) -> Result<Bytes, Stop> {
        let limits = body::Limits {
            bytes_max: ANSWER_BYTES_MAX,
            memory_bytes_max: ANSWER_BYTES_MAX,
            pause: self.worker.shared.traffic.body_timeout.0,
            temp_dir: None,
        };
        let whole = body::collect(answer, limits).await;
        whole.map_err(|error| Stop::new(RefusalCause::BadGateway, format!("the provider's answer: {error}")))
    }

    /// Reads an answer: the adapter learns from it, and edits it so that the caller sees each of its own
    /// recipients. What it does not edit goes on unchanged.
    pub(super) async fn read_back(
        &self,
        tenant: &TenantRoute,
        request: &ProviderRequest<'_>,
        out: &Out<'_, '_>,
        dropped: &[usize],
        response: Response<Body>,
        (learns, stitches): (bool, bool),
    ) -> Result<Response<Body>, Stop> {
        let sending = out.sending;
        let (mut parts, body) = response.into_parts();
        let whole = self.read_answer(body).await?;
        let unpacked = body::unpack(&parts.headers, &whole, true, ANSWER_BYTES_MAX).ok().flatten();
        let readable = unpacked.as_ref().unwrap_or(&whole);
        let answer =
            dndgate_adapter::Answer { status: parts.status, headers: &parts.headers, body: readable };
        let mut stitched = None;
        if stitches {
            let id = self.id.to_string();
            let why: Vec<Why<'_>> = dropped.iter().map(|index| out.why(*index)).collect();
            stitched = self.adapter().stitch(request, sending, &out.refused(dropped, &why, &id), &answer);
        }
        let learned = if learns {
            self.adapter().learn(request, sending, dropped, &answer)
        } else {
            Learned::default()
        };
        if !learned.events.is_empty() || !learned.scheduled.is_empty() {
            let handles = learned.scheduled.clone();
            let request_id = self.id.to_string();
            let sent_to = sending.recipients.iter().enumerate().filter(|(index, _)| !dropped.contains(index));
            let sent_to: Vec<_> = sent_to.map(|(_, one)| one).collect();
            let applied = crate::apply::learned(
                &self.worker.shared,
                &self.target.route,
                tenant,
                learned,
                &sent_to,
                &request_id,
            );
            if let Err(error) = applied.await {
                tracing::error!(provider = self.provider().1, request = %self.id, %error,
                    "what the provider's answer says could not be kept");
                if !handles.is_empty() && self.take_back(&handles).await {
                    return Err(Stop::new(
                        RefusalCause::Unavailable,
                        "the gateway could not write its store and had the provider cancel this send again",
                    ));
                }
            }
        }
        parts.headers.remove(header::TRANSFER_ENCODING);
        if let Some(stitched) = stitched {
            forward::drop_body_fields(&mut parts.headers);
            return Ok(Response::from_parts(parts, stitched.into()));
        }
        Ok(Response::from_parts(parts, whole.into()))
    }

    /// Cancels what has just been scheduled and could not be kept. True when the provider cancelled all of it.
    async fn take_back(&self, handles: &[Scheduled]) -> bool {
        let route = &self.target.route;
        let timeout = self.worker.shared.traffic.upstream_timeout.0;
        let mut all = true;
        for handle in handles {
            let call = self.adapter().cancel(handle, &route.provider.secrets);
            let done = match call {
                Some(call) => call::make(self.worker, route, call, timeout)
                    .await
                    .is_ok_and(|status| status.is_success()),
                None => false,
            };
            if !done {
                tracing::error!(provider = self.provider().1, request = %self.id, send = handle.id,
                    "a scheduled send is neither kept nor cancelled: cancel it at the provider if the person opts out");
            }
            all &= done;
        }
        all
    }
}
