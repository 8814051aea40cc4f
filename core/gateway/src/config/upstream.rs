//! Where a server is.

/// Scheme and authority of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// `https`.
    pub tls: bool,
    /// `host` or `host:port`.
    pub authority: String,
    /// A path to put before every request's.
    pub base: String,
}

impl Upstream {
    /// Reads `https://host[:port][/base]`.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn parse(url: &str) -> Result<Upstream, &'static str> {
        const FORM: &str = "is not a URL: write it as https://host or http://host:port";
        let (tls, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(FORM),
        };
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let parsed: http::uri::Authority = authority.parse().map_err(|_| FORM)?;
        if parsed.host().is_empty() || authority.contains('@') || base.contains(['?', '#']) {
            return Err(FORM);
        }
        Ok(Upstream { tls, authority: authority.to_owned(), base: base.trim_end_matches('/').to_owned() })
    }
}
