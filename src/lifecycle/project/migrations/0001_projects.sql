-- The folders that were run, so that an event about an endpoint finds its way back to the project that owns it.
CREATE TABLE project_folders (
  folder TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  first_run_at BIGINT NOT NULL,
  last_run_at BIGINT NOT NULL,
  last_job_id TEXT NOT NULL
);
CREATE TABLE project_endpoints (
  endpoint TEXT NOT NULL PRIMARY KEY,
  folder TEXT NOT NULL
);
