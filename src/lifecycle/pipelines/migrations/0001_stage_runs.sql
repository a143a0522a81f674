-- Stages that completed, by what went in and what came out.
CREATE TABLE pipelines_stage_runs (
  project TEXT NOT NULL,
  lock_hash TEXT NOT NULL,
  stage TEXT NOT NULL,
  folder TEXT NOT NULL,
  run_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  seconds DOUBLE PRECISION NOT NULL,
  lock_entry TEXT NOT NULL,
  finished_at BIGINT NOT NULL,
  PRIMARY KEY (project, lock_hash)
);
CREATE INDEX pipelines_stage_runs_by_stage ON pipelines_stage_runs (project, stage, finished_at);
