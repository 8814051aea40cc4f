//! HTTP/1.1 as bytes: what a test sends and what a fake server gets, with the order and case of every field.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// How long a peer may stay silent before a test gives up on it.
pub const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A request or an answer: first line, fields in their order and case, body without its framing.
#[derive(Debug, Clone, Default)]
pub struct Message {
    pub start: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    /// The first field of that name, whatever its case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.fields.iter().filter(|(one, _)| one.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    fn word(&self, index: usize) -> &str {
        self.start.split(' ').nth(index).unwrap_or_default()
    }

    /// Of a request: its method.
    pub fn method(&self) -> &str {
        self.word(0)
    }

    /// Of a request: path and query.
    pub fn target(&self) -> &str {
        self.word(1)
    }

    /// Of an answer: its status.
    pub fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The form's values of that name, decoded.
    pub fn form(&self, name: &str) -> Vec<String> {
        let pairs = form_pairs(&self.text()).into_iter();
        pairs.filter(|(one, _)| one == name).map(|(_, value)| value).collect()
    }

    /// What the gateway decided, as its header says.
    pub fn verdict(&self) -> &str {
        self.field("Dndgate-Verdict").unwrap_or_default()
    }

    pub fn request_id(&self) -> &str {
        self.field("Dndgate-Request-Id").unwrap_or_default()
    }
}

/// A form's names and values, decoded.
pub fn form_pairs(form: &str) -> Vec<(String, String)> {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// A form as SDKs write it.
pub fn form_of(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// One end of a connection.
pub struct Wire(BufReader<TcpStream>);

impl Wire {
    pub fn new(stream: TcpStream) -> Wire {
        stream.set_read_timeout(Some(SILENCE_MAX)).expect("a read timeout");
        stream.set_nodelay(true).expect("no delay");
        Wire(BufReader::new(stream))
    }

    pub fn to(port: u16) -> Wire {
        let stream = TcpStream::connect(("127.0.0.1", port));
        Wire::new(stream.unwrap_or_else(|error| panic!("nobody listens on port {port}: {error}")))
    }

    /// The connection itself, for bytes that are no message.
    pub fn stream(&mut self) -> &mut TcpStream {
        self.0.get_mut()
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream().write_all(bytes)
    }

    /// So many bytes, which must come.
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("more bytes");
        bytes
    }

    /// So many bytes, unless the peer ends before.
    pub fn try_exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).ok().map(|()| bytes)
    }

    /// Everything until the peer closes, or until it has been silent for long.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        // A reset after an answer is an end, too.
        let _ = self.0.read_to_end(&mut all);
        all
    }

    /// First line and fields; `None` when the peer closed instead.
    pub fn head(&mut self) -> io::Result<Option<Message>> {
        let mut message = Message::default();
        loop {
            let mut line = Vec::new();
            if self.0.read_until(b'\n', &mut line)? == 0 {
                return if message.start.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
            let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
            match line.split_once(':') {
                _ if line.is_empty() => return Ok(Some(message)),
                _ if message.start.is_empty() => message.start = line,
                Some((name, value)) => message.fields.push((name.to_owned(), value.trim().to_owned())),
                None => return Err(io::Error::other(format!("not a field: {line}"))),
            }
        }
    }

    /// The body that a head announces.
    pub fn body(&mut self, head: &Message) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if head.field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            loop {
                let mut line = String::new();
                self.0.read_line(&mut line)?;
                let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
                let mut chunk = vec![0; size + 2];
                self.0.read_exact(&mut chunk)?;
                body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    return Ok(body);
                }
            }
        }
        match head.field("content-length") {
            Some(length) => {
                body.resize(length.parse().map_err(io::Error::other)?, 0);
                self.0.read_exact(&mut body)?;
            }
            // An answer without a length goes on until the connection ends.
            None if head.start.starts_with("HTTP/")
                && head.status() >= 200
                && ![204, 304].contains(&head.status()) =>
            {
                self.0.read_to_end(&mut body)?;
            }
            None => {}
        }
        Ok(body)
    }

    /// A whole request or answer.
    pub fn message(&mut self) -> io::Result<Option<Message>> {
        let Some(mut message) = self.head()? else { return Ok(None) };
        message.body = self.body(&message)?;
        Ok(Some(message))
    }

    /// The answer, which must come.
    pub fn answer(&mut self) -> Message {
        self.message().expect("an answer").expect("an answer, and not the end of the connection")
    }
}
