"""Follows the proofs of an export as docs/ledger.md words them, with nothing of the program: FILE PUBLIC_KEY.

Prints how many entries are proven.
"""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root(leaf, index, size, path):
    """RFC 9162, section 2.1.3.2."""
    at, last, found = index, size - 1, leaf
    for sibling in path:
        assert last > 0
        if at & 1 or at == last:
            found = sha256(b"\x01", sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = sha256(b"\x01", found, sibling)
        at, last = at >> 1, last >> 1
    assert last == 0
    return found


def main(file, key):
    export = json.load(open(file, encoding="utf-8"))
    name, key_id, encoded = key.split("+", 2)
    public = base64.b64decode(encoded)
    assert public[0] == 1
    assert hashlib.sha256(name.encode() + b"\n" + public).digest()[:4].hex() == key_id
    body, signatures = export["checkpoint"].split("\n\n")
    body += "\n"
    dash, signer, signature = signatures.split()
    signature = base64.b64decode(signature)
    assert (dash, signer, signature[:4].hex()) == ("\u2014", name, key_id)
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature[4:], body.encode())
    lines = body.splitlines()
    size, expected = int(lines[1]), base64.b64decode(lines[2])
    for one in export["entries"]:
        proof = one["proof"]
        entry, own = proof["entry"].encode(), bytes.fromhex(proof["hash"])
        assert sha256(bytes.fromhex(proof["previous"]), entry) == own
        personal = proof["personal"]
        if personal:
            bound = sha256(bytes.fromhex(personal["salt"]), personal["data"].encode()).hex()
            assert json.loads(entry)["personal"] == bound
        path = [bytes.fromhex(step) for step in proof["path"]]
        assert root(sha256(b"\x00", own), proof["seq"] - 1, size, path) == expected
    print(len(export["entries"]))


main(*sys.argv[1:])
