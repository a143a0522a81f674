-- Events in their total order. AUTOINCREMENT: a number is never used a second time, whatever is deleted.
CREATE TABLE events_events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  time BIGINT NOT NULL,
  project TEXT NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  payload TEXT NOT NULL,
  trace_id TEXT NOT NULL
);
CREATE INDEX events_events_type ON events_events (type, sequence);
CREATE INDEX events_events_subject ON events_events (subject, sequence);

-- How far each consumer has come: it has seen all events up to and including this one.
CREATE TABLE events_cursors (
  consumer TEXT PRIMARY KEY,
  sequence BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
