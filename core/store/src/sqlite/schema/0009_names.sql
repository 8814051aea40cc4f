-- Two names of one address, both ways.
CREATE TABLE same (
  tenant TEXT NOT NULL, kind TEXT NOT NULL, match_key TEXT NOT NULL, other_kind TEXT NOT NULL, other_key TEXT NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY (tenant, kind, match_key, other_kind, other_key)
) WITHOUT ROWID;
CREATE INDEX same_at ON same (at);
