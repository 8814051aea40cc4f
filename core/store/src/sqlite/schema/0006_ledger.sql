-- Checkpoints of the ledger, as they were signed, and the roots of the tiles of its Merkle tree.
CREATE TABLE ledger_tile (tile INTEGER PRIMARY KEY, root BLOB NOT NULL);
CREATE TABLE ledger_checkpoint (number INTEGER PRIMARY KEY, note TEXT NOT NULL);
