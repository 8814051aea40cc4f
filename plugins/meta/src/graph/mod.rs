//! How Meta's Graph API reads a request, its batches, its errors, and the proof and handshake of its webhooks.
//!
//! Graph takes a parameter from the query, a form, a multipart form or a JSON body, as text or as JSON text, and
//! lets `method` say what the HTTP method is meant to be. Which of two spellings wins is not documented: what two
//! readers could see differently names nobody, and a send that names nobody is refused.

pub(crate) mod answers;
pub(crate) mod batch;
mod fields;
mod loose;
mod path;
pub(crate) mod proof;
pub(crate) mod refuse;
pub(crate) mod trim;

pub(crate) use fields::{Field, Fields, is_read};
pub(crate) use path::Path;

/// Further hosts that reach the same edges.
pub(crate) const HOSTS: &[&str] = &[
    "graph.facebook.com",
    "graph.instagram.com",
    "graph-video.facebook.com",
    "graph.beta.facebook.com",
    "api.facebook.com",
];
