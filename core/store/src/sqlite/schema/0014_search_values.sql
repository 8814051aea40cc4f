-- Contacts are found by their values, too, and listed by when they were changed. Words come with nothing but letters
-- and digits already, so that they need no rules to be told apart. All of it is made anew when the store is opened.
DROP TABLE found_words;
CREATE VIRTUAL TABLE found_words USING fts5 (
  words, content = '', contentless_delete = 1, prefix = '4 5 6', tokenize = 'ascii'
);
DROP TABLE found;
CREATE TABLE found (
  number INTEGER PRIMARY KEY, contact TEXT NOT NULL, tenant TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL,
  first_name TEXT NOT NULL, last_name TEXT NOT NULL, email TEXT NOT NULL, marks INTEGER NOT NULL
);
CREATE UNIQUE INDEX found_contact ON found (contact);
CREATE INDEX found_created ON found (tenant, created, marks);
CREATE INDEX found_updated ON found (tenant, updated);
CREATE INDEX found_first_name ON found (tenant, first_name);
CREATE INDEX found_last_name ON found (tenant, last_name);
CREATE INDEX found_email ON found (tenant, email);
DELETE FROM meta WHERE name = 'search';
