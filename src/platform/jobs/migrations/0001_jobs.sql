CREATE TABLE jobs_jobs (
  -- First come, first served; also the order of lists.
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  project TEXT NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  -- queued, running, succeeded, failed or cancelled
  state TEXT NOT NULL,
  -- How often it was started, and how many of these ended with an error that is tried again. Only the latter is limited:
  -- a job does not fail because the machine was restarted often.
  attempt BIGINT NOT NULL DEFAULT 0,
  failures BIGINT NOT NULL DEFAULT 0,
  max_attempts BIGINT NOT NULL,
  not_before BIGINT NOT NULL,
  progress TEXT NOT NULL DEFAULT 'null',
  result TEXT NOT NULL DEFAULT 'null',
  error TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  started_at BIGINT NOT NULL DEFAULT 0,
  finished_at BIGINT NOT NULL DEFAULT 0,
  principal TEXT NOT NULL,
  trace_id TEXT NOT NULL,
  dedupe_key TEXT,
  -- The schedule that made it, if any.
  schedule TEXT,
  cancel_requested BIGINT NOT NULL DEFAULT 0,
  -- Who runs it, and until when nobody else may.
  lease_owner TEXT NOT NULL DEFAULT '',
  lease_until BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX jobs_jobs_dedupe ON jobs_jobs (project, kind, dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX jobs_jobs_open ON jobs_jobs (state, sequence) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_jobs_kind ON jobs_jobs (kind, sequence);
CREATE INDEX jobs_jobs_schedule ON jobs_jobs (schedule, sequence) WHERE schedule IS NOT NULL;

CREATE TABLE jobs_log (
  job_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  time BIGINT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (job_id, number)
);

CREATE TABLE jobs_schedules (
  name TEXT PRIMARY KEY,
  project TEXT NOT NULL,
  principal TEXT NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  max_attempts BIGINT NOT NULL,
  every_millis BIGINT NOT NULL,
  next_at BIGINT NOT NULL
);
