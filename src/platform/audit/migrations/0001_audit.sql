CREATE TABLE audit_entries (
  sequence INTEGER PRIMARY KEY,
  time BIGINT NOT NULL,
  project TEXT NOT NULL,
  principal TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  trace_id TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX audit_entries_project ON audit_entries (project, sequence);
CREATE INDEX audit_entries_object ON audit_entries (object, sequence);
CREATE INDEX audit_entries_action ON audit_entries (action, sequence);

-- The end of the chain: without it nobody would notice that the newest entries are missing.
CREATE TABLE audit_head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  sequence BIGINT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO audit_head (id, sequence, hash) VALUES (1, 0, '');

-- A guard against mistakes; the chain is the one against intent.
CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
BEGIN
  SELECT RAISE(ABORT, 'audit entries are never changed');
END;
CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
BEGIN
  SELECT RAISE(ABORT, 'audit entries are never deleted');
END;
