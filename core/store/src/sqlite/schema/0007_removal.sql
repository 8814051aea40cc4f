-- Evidence that waits for a second person, releases of spam complaints, comparison with providers' lists.
ALTER TABLE evidence ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
ALTER TABLE evidence ADD COLUMN standing TEXT NOT NULL DEFAULT 'approved';
ALTER TABLE evidence ADD COLUMN counts_from INTEGER;
ALTER TABLE evidence ADD COLUMN decided_by TEXT;
ALTER TABLE evidence ADD COLUMN decided_at INTEGER;
ALTER TABLE evidence ADD COLUMN decided_why TEXT;
ALTER TABLE evidence ADD COLUMN file_sha256 TEXT;
UPDATE evidence SET counts_from = recorded_at,
  tenant = coalesce((SELECT contact.tenant FROM contact WHERE contact.id = evidence.contact), '');
CREATE INDEX evidence_standing ON evidence (standing, id);
CREATE TABLE release (
  tenant TEXT NOT NULL, address_kind TEXT NOT NULL, match_key TEXT NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (tenant, address_kind, match_key)
) WITHOUT ROWID;
CREATE TABLE reconciliation (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, open INTEGER NOT NULL, due INTEGER NOT NULL, created INTEGER NOT NULL,
  run TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX reconciliation_due ON reconciliation (due) WHERE open = 1;
-- What a provider's lists hold, while they are compared.
CREATE TABLE reconciliation_entry (
  run TEXT NOT NULL, account TEXT NOT NULL, match_key TEXT NOT NULL, PRIMARY KEY (run, account, match_key)
) WITHOUT ROWID;
CREATE TABLE reconciliation_difference (
  run TEXT NOT NULL, side TEXT NOT NULL, account TEXT NOT NULL, match_key TEXT NOT NULL, list TEXT NOT NULL,
  repaired INTEGER NOT NULL, PRIMARY KEY (run, side, account, match_key, list)
) WITHOUT ROWID;
CREATE INDEX reconciliation_difference_key ON reconciliation_difference (match_key);
-- What the gateway itself put on a provider's list, by keyed hash.
CREATE TABLE mirrored (
  provider TEXT NOT NULL, account TEXT NOT NULL, address_hash TEXT NOT NULL,
  PRIMARY KEY (provider, account, address_hash)
) WITHOUT ROWID;
