-- When a reason ends by itself.
ALTER TABLE reason ADD COLUMN expires INTEGER;
CREATE INDEX reason_expires ON reason (expires) WHERE expires IS NOT NULL AND ended_at IS NULL;
-- Failures that count towards a threshold, by the keyed hash of the address.
CREATE TABLE failure (
  subject TEXT NOT NULL, channel TEXT NOT NULL, reason TEXT NOT NULL, event TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (subject, channel, reason, event)
) WITHOUT ROWID;
CREATE INDEX failure_at ON failure (at);
