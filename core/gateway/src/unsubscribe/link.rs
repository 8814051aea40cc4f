//! Unsubscribe links: `/u/{token}`, and shorter ones for texts.
//!
//! A token is the tenant, the address and the channel that the link was made for, sealed with a key of this
//! installation. Nothing of them can be read in it, nobody else can make one, and links of people whom the store
//! does not know work, too (R7). The key's number stands in front: a new key seals from now on, the older ones go
//! on opening what they sealed. Links never expire.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use data_encoding::BASE32_NOPAD;
use dndgate_adapter::{AddressKind, Channel, sign};
use dndgate_dnd::AddressKey;
use dndgate_store::links::LinkKey;

const NONCE_BYTES: usize = 12;
/// The form of what is sealed.
const VERSION: u8 = 1;
/// A short id: 65 bits, more than anybody can try.
const SHORT_CHARS: usize = 13;
/// How often another short id is made should one be somebody else's.
pub(crate) const SHORT_TRIES: u8 = 4;

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) tenant: String,
    pub(crate) address: AddressKey,
    /// The channel of the message in which it stands.
    pub(crate) channel: Channel,
}

/// What the path after `/u/` is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A link that the keys open.
    Sealed(Link),
    /// The id of a link that the store knows, maybe.
    Short(String),
    /// Nothing of ours.
    Foreign,
}

/// The keys of this installation's links, the newest last.
pub(crate) struct Links {
    keys: Vec<Key>,
}

struct Key {
    id: u8,
    cipher: ChaCha20Poly1305,
    nonces: [u8; 32],
    shorts: [u8; 32],
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| key.id)).finish()
    }
}

impl Links {
    pub(crate) fn new(keys: &[LinkKey]) -> Links {
        let derived = |key: &LinkKey| Key {
            id: key.id,
            cipher: ChaCha20Poly1305::new(&sign::hmac_sha256(&key.secret, b"unsubscribe sealing").into()),
            nonces: sign::hmac_sha256(&key.secret, b"unsubscribe nonces"),
            shorts: sign::hmac_sha256(&key.secret, b"unsubscribe short ids"),
        };
        Links { keys: keys.iter().map(derived).collect() }
    }

    /// The token of a link: the same for the same link while the key is, so that a CRM may ask as often as it
    /// likes. `None` only when there is no key, which the store rules out.
    pub(crate) fn seal(&self, link: &Link) -> Option<String> {
        let key = self.keys.last()?;
        let contents = link.contents()?;
        let mac = sign::hmac_sha256(&key.nonces, &contents);
        let nonce: [u8; NONCE_BYTES] = std::array::from_fn(|index| mac[index]);
        let sealed = key.cipher.encrypt(&nonce.into(), Payload { msg: &contents, aad: &[key.id] }).ok()?;
        Some(encoded(&[&[key.id], &nonce[..], &sealed].concat()))
    }

    /// A short id for a link; another one for each `attempt`.
    pub(crate) fn short(&self, link: &Link, attempt: u8) -> Option<String> {
        let key = self.keys.last()?;
        let contents = [&link.contents()?[..], &[attempt]].concat();
        let mut id = encoded(&sign::hmac_sha256(&key.shorts, &contents));
        id.truncate(SHORT_CHARS);
        Some(id)
    }

    /// Reads what stands after `/u/` in a path: in either case, and whatever a mail program has made part of
    /// the link (a full stop, a bracket) left out.
    pub(crate) fn open(&self, path: &str) -> Token {
        let end = path.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(path.len());
        let token = path[..end].to_ascii_lowercase();
        if token.len() == SHORT_CHARS {
            let fits = token.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
            return if fits { Token::Short(token) } else { Token::Foreign };
        }
        let bytes = BASE32_NOPAD.decode(token.to_ascii_uppercase().as_bytes());
        bytes.ok().and_then(|bytes| self.unseal(&bytes)).map_or(Token::Foreign, Token::Sealed)
    }

    fn unseal(&self, bytes: &[u8]) -> Option<Link> {
        let (id, rest) = bytes.split_first()?;
        let key = self.keys.iter().find(|key| key.id == *id)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let contents = key.cipher.decrypt(&nonce.into(), Payload { msg: sealed, aad: &[*id] }).ok()?;
        Link::from_contents(&contents)
    }
}

impl Link {
    /// By which records name a link: never by the token, with which anybody could act.
    pub(crate) fn id(&self, secret: &[u8; 32]) -> String {
        let contents = self.contents().unwrap_or_default();
        sign::to_hex(&sign::hmac_sha256(&sign::hmac_sha256(secret, b"link ids"), &contents)[..8])
    }

    fn contents(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![VERSION, (self.address.kind as u8) << 4 | self.channel as u8];
        bytes.push(u8::try_from(self.tenant.len()).ok()?);
        bytes.extend_from_slice(self.tenant.as_bytes());
        bytes.extend_from_slice(self.address.key.as_bytes());
        Some(bytes)
    }

    fn from_contents(bytes: &[u8]) -> Option<Link> {
        let [VERSION, kinds, length, rest @ ..] = bytes else { return None };
        let (tenant, key) = rest.split_at_checked(usize::from(*length))?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        Some(Link {
            tenant: text(tenant)?,
            address: AddressKey {
                kind: AddressKind::ALL.into_iter().find(|kind| *kind as u8 == kinds >> 4)?,
                key: text(key)?,
            },
            channel: Channel::ALL.into_iter().find(|channel| *channel as u8 == kinds & 0xf)?,
        })
    }
}

/// Base 32 without padding, in small letters: it survives programs that fold case, quoted-printable, and
/// readers that take a trailing `-` or `_` off a link.
fn encoded(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn link(address: &str) -> Link {
        Link {
            tenant: "default".into(),
            address: AddressKey { kind: AddressKind::Email, key: address.into() },
            channel: Channel::Email,
        }
    }

    fn key(id: u8) -> LinkKey {
        LinkKey { id, secret: [id; 32], made: jiff::Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn r17_a_token_is_opaque_and_opens_however_programs_have_treated_it() {
        let links = Links::new(&[key(1)]);
        let ada = link("ada@example.com");
        let token = links.seal(&ada).expect("a token");
        assert_eq!(links.seal(&ada).as_deref(), Some(&*token), "the same link again");
        assert!(token.len() < 110, "{} characters", token.len());
        for form in [
            token.clone(),
            token.to_ascii_uppercase(),
            format!("{token}."),
            format!("{token}%3E"),
            format!("{token})"),
            format!("{token}/"),
        ] {
            assert_eq!(links.open(&form), Token::Sealed(ada.clone()), "{form}");
        }
        let bytes = BASE32_NOPAD.decode(token.to_ascii_uppercase().as_bytes()).expect("base 32");
        assert!(!bytes.windows(3).any(|part| part == b"ada" || part == b"def"), "nothing in the clear");
    }

    #[test]
    fn r17_links_of_older_keys_open_for_ever_and_those_of_others_never() {
        let old = Links::new(&[key(1)]).seal(&link("ada@example.com")).expect("a token");
        let rotated = Links::new(&[key(1), key(2)]);
        assert_eq!(rotated.open(&old), Token::Sealed(link("ada@example.com")));
        assert_ne!(rotated.seal(&link("ada@example.com")).as_deref(), Some(&*old), "the new key seals");
        assert_eq!(Links::new(&[key(2)]).open(&old), Token::Foreign);
        let forged = LinkKey { secret: [9; 32], ..key(1) };
        assert_eq!(Links::new(&[forged]).open(&old), Token::Foreign);
    }

    #[test]
    fn short_ids_are_short_and_differ() {
        let links = Links::new(&[key(1)]);
        let id = links.short(&link("ada@example.com"), 0).expect("an id");
        assert_eq!(id.len(), SHORT_CHARS);
        assert_eq!(links.open(&format!("{}.", id.to_ascii_uppercase())), Token::Short(id.clone()));
        assert_ne!(links.short(&link("ada@example.com"), 1).as_deref(), Some(&*id));
        assert_ne!(links.short(&link("eve@example.com"), 0).as_deref(), Some(&*id));
    }

    proptest! {
        #[test]
        fn r17_no_changed_token_opens(at in 0usize..80, with in 0u8..32) {
            let links = Links::new(&[key(1)]);
            let token = links.seal(&link("ada@example.com")).expect("a token");
            let letter = char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(with)]);
            let mut changed: Vec<char> = token.chars().collect();
            let at = at % changed.len();
            prop_assume!(changed[at] != letter);
            changed[at] = letter;
            prop_assert_eq!(links.open(&changed.into_iter().collect::<String>()), Token::Foreign);
        }

        #[test]
        fn calm(path in ".{0,200}") {
            let _ = Links::new(&[key(1)]).open(&path);
        }
    }
}
