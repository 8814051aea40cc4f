-- Who was sent the text that confirms an opt-out, by the keyed hash of the address.
CREATE TABLE confirmation (
  subject TEXT NOT NULL, channel TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (subject, channel)
) WITHOUT ROWID;
