-- Subscribers of events, and what they did not take at once. The feed is found by tenant, contact and time.
ALTER TABLE event ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX event_tenant ON event (tenant, seq);
CREATE INDEX event_at ON event (at, seq);
CREATE TABLE subscriber (
  id TEXT PRIMARY KEY, url TEXT NOT NULL, tenant TEXT, description TEXT NOT NULL, configured INTEGER NOT NULL,
  named INTEGER NOT NULL, secret TEXT, former_secret TEXT, former_until INTEGER, created INTEGER NOT NULL,
  disabled_at INTEGER, disabled_why TEXT, cursor INTEGER NOT NULL, revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE delivery (
  subscriber TEXT NOT NULL, seq INTEGER NOT NULL, lane TEXT NOT NULL, dead INTEGER NOT NULL, attempts INTEGER NOT NULL,
  next_at INTEGER, last_at INTEGER, status INTEGER, error TEXT NOT NULL,
  PRIMARY KEY (subscriber, seq)
) WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (subscriber, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX delivery_lane ON delivery (subscriber, lane, seq) WHERE dead = 0;
CREATE INDEX delivery_seq ON delivery (seq);
