-- Times are microseconds since 1970; addresses are match keys; JSON is text.
CREATE TABLE contact (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, fields TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX contact_tenant ON contact (tenant, created);
CREATE TABLE address (
  contact TEXT NOT NULL, kind TEXT NOT NULL, position INTEGER NOT NULL,
  tenant TEXT NOT NULL, match_key TEXT NOT NULL, shown TEXT NOT NULL,
  PRIMARY KEY (contact, kind, position)
) WITHOUT ROWID;
CREATE INDEX address_match ON address (tenant, kind, match_key, contact);
CREATE TABLE reason (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL,
  contact TEXT, address_kind TEXT, match_key TEXT,
  kind TEXT NOT NULL, blocks TEXT NOT NULL, origin_kind TEXT, origin_key TEXT,
  permanent INTEGER NOT NULL, code TEXT, message TEXT NOT NULL, source TEXT NOT NULL, actor TEXT NOT NULL,
  began INTEGER NOT NULL, ended_at INTEGER, ended_by TEXT, ended_why TEXT
) WITHOUT ROWID;
CREATE INDEX reason_contact ON reason (contact, ended_at) WHERE contact IS NOT NULL;
CREATE INDEX reason_address ON reason (tenant, address_kind, match_key) WHERE contact IS NULL;
CREATE INDEX reason_live ON reason (tenant, address_kind, match_key, blocks, kind)
  WHERE contact IS NULL AND ended_at IS NULL;
CREATE INDEX reason_live_contact ON reason (contact, blocks, kind) WHERE contact IS NOT NULL AND ended_at IS NULL;
CREATE TABLE ledger (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, entry TEXT NOT NULL);
CREATE TABLE ledger_subject (subject TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (subject, seq)) WITHOUT ROWID;
CREATE TABLE ledger_personal (seq INTEGER PRIMARY KEY, salt BLOB NOT NULL, data TEXT NOT NULL);
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL);
INSERT INTO head VALUES (1, 0, zeroblob(32));
CREATE TABLE inbox (
  provider TEXT NOT NULL, event_key TEXT NOT NULL, digest BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (provider, event_key)
) WITHOUT ROWID;
CREATE INDEX inbox_at ON inbox (at);
CREATE TABLE event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, contact TEXT NOT NULL, payload TEXT NOT NULL
);
CREATE TABLE spool (
  id TEXT PRIMARY KEY, provider TEXT NOT NULL, received_at INTEGER NOT NULL, method TEXT NOT NULL, url TEXT NOT NULL,
  headers TEXT NOT NULL, body BLOB NOT NULL, target TEXT NOT NULL, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX spool_next ON spool (next_at);
CREATE TABLE scheduled (
  id TEXT PRIMARY KEY, provider TEXT NOT NULL, tenant TEXT NOT NULL, address_kind TEXT NOT NULL,
  match_key TEXT NOT NULL, channels INTEGER NOT NULL, handle TEXT NOT NULL, at INTEGER NOT NULL,
  cancel_at INTEGER, attempts INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX scheduled_address ON scheduled (tenant, address_kind, match_key);
CREATE INDEX scheduled_cancel ON scheduled (cancel_at) WHERE cancel_at IS NOT NULL;
CREATE TABLE evidence (
  id TEXT PRIMARY KEY, contact TEXT NOT NULL, channel TEXT NOT NULL, text TEXT NOT NULL, source TEXT NOT NULL,
  obtained_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL, filed_by TEXT NOT NULL, sha256 TEXT NOT NULL,
  file_name TEXT, file_type TEXT, file BLOB
) WITHOUT ROWID;
CREATE INDEX evidence_contact ON evidence (contact, channel, recorded_at);
CREATE TABLE token (
  hash BLOB PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, tenant TEXT, created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
