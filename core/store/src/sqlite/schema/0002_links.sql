-- Keys that seal unsubscribe links, and the links that are kept because they are short.
CREATE TABLE link_key (id INTEGER PRIMARY KEY, secret BLOB NOT NULL, made INTEGER NOT NULL);
CREATE TABLE short_link (
  id TEXT PRIMARY KEY, token TEXT NOT NULL, subject TEXT NOT NULL, made INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX short_link_subject ON short_link (subject);
