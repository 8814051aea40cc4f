//! Bodies: what passes through, what is collected before the verdict, what is unpacked to be read.

use crate::upstream::Leased;
use bytes::Bytes;
use dndgate_adapter::{Edit, sign};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::{
    collections::VecDeque,
    io::{Read, Write},
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// The body of a request or an answer on its way through.
#[derive(Debug)]
pub(crate) enum Body {
    /// Pieces in memory or in a mapped file.
    Pieces(VecDeque<Bytes>),
    /// From the client, as it comes.
    Client(Incoming),
    /// From an upstream, as it comes; gives the connection back at its end.
    Upstream(Leased),
}

impl Body {
    pub(crate) fn empty() -> Body {
        Body::Pieces(VecDeque::new())
    }

    /// SHA-256 of what is in memory; a body that streams has none to offer, and counts as empty.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        match self {
            Body::Pieces(pieces) => sign::sha256_of(pieces.iter().map(|piece| &piece[..])),
            Body::Client(_) | Body::Upstream(_) => sign::sha256(b""),
        }
    }
}

impl Body {
    /// All of it, when it is in memory.
    pub(crate) fn in_memory(&self) -> Option<Bytes> {
        match self {
            Body::Pieces(pieces) if pieces.len() == 1 => pieces.front().cloned(),
            Body::Pieces(pieces) => Some(pieces.iter().flatten().copied().collect()),
            Body::Client(_) | Body::Upstream(_) => None,
        }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(whole: T) -> Body {
        let whole = whole.into();
        Body::Pieces(if whole.is_empty() { VecDeque::new() } else { VecDeque::from([whole]) })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Body::Pieces(pieces) => Poll::Ready(pieces.pop_front().map(|piece| Ok(Frame::data(piece)))),
            Body::Client(incoming) => Pin::new(incoming).poll_frame(context),
            Body::Upstream(leased) => Pin::new(leased).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Pieces(pieces) => pieces.is_empty(),
            Body::Client(incoming) => incoming.is_end_stream(),
            Body::Upstream(leased) => leased.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Pieces(pieces) => SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum()),
            Body::Client(incoming) => incoming.size_hint(),
            Body::Upstream(leased) => leased.size_hint(),
        }
    }
}

/// Why a body could not be collected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the body did not arrive in time")]
    Slow,
    #[error("the body broke off")]
    Broken,
    #[error("the body cannot be kept: {0}")]
    Disk(std::io::Error),
}

/// Limits on a collected body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits<'a> {
    pub(crate) bytes_max: u64,
    pub(crate) memory_bytes_max: u64,
    pub(crate) pause: Duration,
    pub(crate) temp_dir: Option<&'a Path>,
}

/// Collects a whole body: small ones in memory, large ones in an unlinked temporary file that is mapped, so
/// that either is one run of bytes.
pub(crate) async fn collect<B>(mut incoming: B, limits: Limits<'_>) -> Result<Bytes, CollectError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let hint = incoming.size_hint();
    if hint.lower() > limits.bytes_max {
        return Err(CollectError::TooLarge(limits.bytes_max));
    }
    let mut first: Option<Bytes> = None;
    let mut memory = Vec::new();
    let mut file: Option<std::fs::File> = None;
    let mut length = 0u64;
    while !incoming.is_end_stream() {
        let frame =
            tokio::time::timeout(limits.pause, incoming.frame()).await.map_err(|_| CollectError::Slow)?;
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|_| CollectError::Broken)?.into_data() else { continue };
        length += data.len() as u64;
        if length > limits.bytes_max {
            return Err(CollectError::TooLarge(limits.bytes_max));
        }
        if let Some(file) = &mut file {
            file.write_all(&data).map_err(CollectError::Disk)?;
        } else if length > limits.memory_bytes_max {
            let mut fresh = match limits.temp_dir {
                Some(folder) => tempfile::tempfile_in(folder),
                None => tempfile::tempfile(),
            }
            .map_err(CollectError::Disk)?;
            for piece in [first.as_deref().unwrap_or_default(), &memory, &data] {
                fresh.write_all(piece).map_err(CollectError::Disk)?;
            }
            (first, memory, file) = (None, Vec::new(), Some(fresh));
        } else if first.is_none() && memory.is_empty() {
            first = Some(data);
        } else {
            if let Some(first) = first.take() {
                memory.reserve(usize::try_from(hint.lower()).unwrap_or(0).max(first.len() + data.len()));
                memory.extend_from_slice(&first);
            }
            memory.extend_from_slice(&data);
        }
    }
    match (file, first) {
        (Some(file), _) => map(&file).map_err(CollectError::Disk),
        (None, Some(first)) => Ok(first),
        (None, None) => Ok(memory.into()),
    }
}

/// The file is unlinked and nobody else has it open, so that it can neither shrink nor change.
#[allow(unsafe_code)]
fn map(file: &std::fs::File) -> std::io::Result<Bytes> {
    // SAFETY: no other process or thread can reach this unlinked file to truncate or write it.
    let map = unsafe { memmap2::Mmap::map(file)? };
    Ok(Bytes::from_owner(map))
}

/// Why a body could not be unpacked. Nothing that two readers could see differently is let through.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum UnpackError {
    #[error("the Content-Encoding is not one that this provider takes")]
    Unknown,
    #[error("the compressed body is damaged or holds more than one stream")]
    Damaged,
    #[error("the unpacked body is too large")]
    TooLarge,
}

/// Unpacks a body by its `Content-Encoding`; `None` when it is not packed.
pub(crate) fn unpack(
    headers: &http::HeaderMap,
    body: &[u8],
    provider_unpacks: bool,
    bytes_max: u64,
) -> Result<Option<Bytes>, UnpackError> {
    let mut values = headers.get_all(http::header::CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(UnpackError::Unknown);
    }
    let coding = value.to_str().map_err(|_| UnpackError::Unknown)?.trim().to_ascii_lowercase();
    match coding.as_str() {
        "identity" | "" => Ok(None),
        "gzip" | "x-gzip" if provider_unpacks => {
            let mut reader = flate2::bufread::GzDecoder::new(body);
            let unpacked = read_bounded(&mut reader, bytes_max)?;
            ended(reader.into_inner())?;
            Ok(Some(unpacked))
        }
        "deflate" if provider_unpacks => {
            let mut reader = flate2::bufread::ZlibDecoder::new(body);
            let unpacked = read_bounded(&mut reader, bytes_max)?;
            ended(reader.into_inner())?;
            Ok(Some(unpacked))
        }
        _ => Err(UnpackError::Unknown),
    }
}

fn read_bounded(reader: impl Read, bytes_max: u64) -> Result<Bytes, UnpackError> {
    let mut out = Vec::new();
    reader.take(bytes_max + 1).read_to_end(&mut out).map_err(|_| UnpackError::Damaged)?;
    if out.len() as u64 > bytes_max { Err(UnpackError::TooLarge) } else { Ok(out.into()) }
}

/// Readers disagree about what follows the first stream.
fn ended(rest: &[u8]) -> Result<(), UnpackError> {
    if rest.is_empty() { Ok(()) } else { Err(UnpackError::Damaged) }
}

/// Applies edits (ascending, not overlapping) without copying what stays.
pub(crate) fn edit(body: &Bytes, edits: Vec<Edit>) -> Body {
    let mut pieces = VecDeque::with_capacity(edits.len() * 2 + 1);
    let mut at = 0;
    let mut push = |piece: Bytes| {
        if !piece.is_empty() {
            pieces.push_back(piece);
        }
    };
    for edit in edits {
        push(body.slice(at..edit.range.start));
        push(edit.with.into());
        at = edit.range.end;
    }
    push(body.slice(at..));
    Body::Pieces(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    fn limits(bytes_max: u64, memory_bytes_max: u64) -> Limits<'static> {
        Limits { bytes_max, memory_bytes_max, pause: Duration::from_secs(5), temp_dir: None }
    }

    #[tokio::test]
    async fn collects_in_memory_and_in_a_file() {
        for memory in [1, 1 << 20] {
            let body = Bytes::from(vec![7u8; 100_000]);
            let whole = collect(Full::new(body.clone()), limits(1 << 20, memory)).await.expect("collected");
            assert_eq!(whole, body);
        }
    }

    #[tokio::test]
    async fn refuses_what_is_too_large() {
        let error = collect(Full::new(Bytes::from_static(b"12345")), limits(4, 4)).await;
        assert!(matches!(error, Err(CollectError::TooLarge(4))));
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(text).expect("memory");
        writer.finish().expect("memory")
    }

    fn gzip() -> http::HeaderMap {
        let mut headers = http::HeaderMap::new();
        headers.insert("content-encoding", "gzip".parse().expect("value"));
        headers
    }

    #[test]
    fn unpacks_one_stream_only() {
        let once = packed(b"to=a@example.com");
        let unpacked = unpack(&gzip(), &once, true, 100).expect("good").expect("packed");
        assert_eq!(&unpacked[..], b"to=a@example.com");
        let twice = [once.clone(), packed(b"&to=b@example.com")].concat();
        assert!(unpack(&gzip(), &twice, true, 100).is_err(), "a second stream is read by some only");
        assert!(unpack(&gzip(), &once[..once.len() - 4], true, 100).is_err(), "cut short");
        assert!(unpack(&gzip(), &once, false, 100).is_err(), "the provider does not unpack");
        assert!(unpack(&gzip(), &packed(&[0; 1000]), true, 100).is_err(), "a bomb");
    }
}
