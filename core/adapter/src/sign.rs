//! Keyed signatures, compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// HMAC-SHA1 (RFC 2104), for providers that still sign with it.
pub fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA256 (RFC 2104).
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// SHA-256 (FIPS 180-4).
pub fn sha256(message: &[u8]) -> [u8; 32] {
    Sha256::digest(message).into()
}

/// Is this an Ed25519 signature (RFC 8032) of the message, by the holder of that public key (32 bytes)?
pub fn ed25519(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, public_key);
    key.verify(message, signature).is_ok()
}

/// In front of the point in the SubjectPublicKeyInfo of a key on the curve P-256 (RFC 5480).
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Is this an ECDSA signature of the message's SHA-256 (DER) by the holder of that public key on the curve P-256
/// (SubjectPublicKeyInfo, DER)?
pub fn ecdsa_p256(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some(point) = public_key.strip_prefix(&P256) else { return false };
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_ASN1, point);
    key.verify(message, signature).is_ok()
}

/// A key pair for ECDSA over SHA-256 on the curve P-256: for stand-ins that sign as a provider does.
#[derive(Debug)]
pub struct EcdsaP256(ring::signature::EcdsaKeyPair);

impl EcdsaP256 {
    /// From the private number and the public point (uncompressed). `None` when they are no pair.
    pub fn new(private: &[u8; 32], public: &[u8; 65]) -> Option<EcdsaP256> {
        let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        let random = ring::rand::SystemRandom::new();
        ring::signature::EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public, &random)
            .ok()
            .map(EcdsaP256)
    }

    /// The public key (SubjectPublicKeyInfo, DER).
    pub fn public_key(&self) -> Vec<u8> {
        [&P256, ring::signature::KeyPair::public_key(&self.0).as_ref()].concat()
    }

    /// Signs a message (DER).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = ring::rand::SystemRandom::new();
        let signed = self.0.sign(&random, message);
        signed.map(|signature| signature.as_ref().to_vec()).unwrap_or_default()
    }
}

/// A key pair for Ed25519 (RFC 8032): for stand-ins that sign as a provider does.
#[derive(Debug)]
pub struct Ed25519(ring::signature::Ed25519KeyPair);

impl Ed25519 {
    /// From the seed that is its private key.
    pub fn new(seed: &[u8; 32]) -> Option<Ed25519> {
        ring::signature::Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Ed25519)
    }

    /// The public key (32 bytes).
    pub fn public_key(&self) -> &[u8] {
        ring::signature::KeyPair::public_key(&self.0).as_ref()
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// SHA-256 of pieces that follow one another.
pub fn sha256_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut digest = Sha256::new();
    pieces.into_iter().for_each(|piece| digest.update(piece));
    digest.finalize().into()
}

/// MD5 (RFC 1321), for providers that still sign with it.
pub fn md5(message: &[u8]) -> [u8; 16] {
    md5::Md5::digest(message).into()
}

/// HMAC-MD5 (RFC 2104), for providers that still sign with it.
pub fn hmac_md5(key: &[u8], message: &[u8]) -> [u8; 16] {
    let mut mac = Hmac::<md5::Md5>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA384 (RFC 2104).
pub fn hmac_sha384(key: &[u8], message: &[u8]) -> [u8; 48] {
    let mut mac = Hmac::<sha2::Sha384>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA512 (RFC 2104).
pub fn hmac_sha512(key: &[u8], message: &[u8]) -> [u8; 64] {
    let mut mac = Hmac::<sha2::Sha512>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Compares in a time that does not depend on where the two differ.
pub fn equal(one: &[u8], other: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(one, other).into()
}

/// Lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

/// Base64 with padding (RFC 4648, section 4).
pub fn to_base64(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

/// What base64 with padding stands for; `None` when it is none.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text.trim()).ok()
}
