-- Messages in doubt, for a person to decide.
CREATE TABLE review (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, channel TEXT NOT NULL, address_kind TEXT NOT NULL, match_key TEXT NOT NULL,
  text TEXT NOT NULL, rule TEXT NOT NULL, source TEXT NOT NULL, said_at INTEGER NOT NULL, noted_at INTEGER NOT NULL,
  decided_at INTEGER, decided_by TEXT, decision TEXT
) WITHOUT ROWID;
CREATE INDEX review_open ON review (tenant, id) WHERE decided_at IS NULL;
CREATE INDEX review_decided ON review (tenant, id) WHERE decided_at IS NOT NULL;
CREATE INDEX review_address ON review (tenant, address_kind, match_key);
