-- What became of the newest imports over the API.
CREATE TABLE imported (
  id TEXT PRIMARY KEY, tenant TEXT, outcome TEXT NOT NULL, rejects TEXT NOT NULL
) WITHOUT ROWID;
