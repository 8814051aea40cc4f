-- What contacts are found by. Derived from contact, address and reason, and made anew from them where it lacks.
CREATE TABLE found (
  number INTEGER PRIMARY KEY, contact TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL,
  first_name TEXT NOT NULL, last_name TEXT NOT NULL, email TEXT NOT NULL, marks INTEGER NOT NULL
);
CREATE INDEX found_created ON found (tenant, created, marks);
CREATE INDEX found_first_name ON found (tenant, first_name);
CREATE INDEX found_last_name ON found (tenant, last_name);
CREATE INDEX found_email ON found (tenant, email);
CREATE VIRTUAL TABLE found_words USING fts5 (
  words, content = '', contentless_delete = 1, prefix = '4 5 6',
  tokenize = "unicode61 remove_diacritics 0 categories 'L* N* Co M*'"
);
-- Ids of contacts that became part of another.
CREATE TABLE merged (id TEXT PRIMARY KEY, contact TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX merged_contact ON merged (contact);
CREATE INDEX event_contact ON event (contact);
CREATE INDEX scheduled_everywhere ON scheduled (address_kind, match_key);
