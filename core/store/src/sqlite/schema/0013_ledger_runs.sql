-- The index of the ledger lies in runs: lines come in sorted, never anywhere in between, so that what an entry costs
-- does not grow with the ledger. A run is named after its last entry; entries behind the last run are read themselves.
CREATE TABLE ledger_run (
  run INTEGER NOT NULL, subject TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (run, subject, seq)
) WITHOUT ROWID;
INSERT INTO ledger_run
  SELECT CASE WHEN ledger_subject.seq <= head.seq / 65536 * 65536 THEN (ledger_subject.seq + 65535) / 65536 * 65536
              ELSE (ledger_subject.seq + 1023) / 1024 * 1024 END, subject, ledger_subject.seq
  FROM ledger_subject, head WHERE ledger_subject.seq <= head.seq / 1024 * 1024 ORDER BY 1, 2, 3;
DROP TABLE ledger_subject;
ALTER TABLE ledger_run RENAME TO ledger_subject;
