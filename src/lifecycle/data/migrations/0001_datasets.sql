-- Dataset versions by path and hash, and what the checks said about them.
CREATE TABLE data_versions (
  project TEXT NOT NULL,
  path TEXT NOT NULL,
  md5 TEXT NOT NULL,
  size BIGINT NOT NULL,
  file_count BIGINT NOT NULL,
  schema_json TEXT NOT NULL,
  profile_json TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (project, path, md5)
);
CREATE INDEX data_versions_by_time ON data_versions (project, created_at);

CREATE TABLE data_check_runs (
  id TEXT NOT NULL PRIMARY KEY,
  project TEXT NOT NULL,
  dataset TEXT NOT NULL,
  suite TEXT NOT NULL,
  suite_md5 TEXT NOT NULL,
  passed BIGINT NOT NULL,
  report_json TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (project, dataset, suite, suite_md5)
);
