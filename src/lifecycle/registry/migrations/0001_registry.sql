CREATE TABLE registry_models (
  model_key INTEGER PRIMARY KEY,
  project TEXT NOT NULL,
  name TEXT NOT NULL,
  creation_time BIGINT NOT NULL,
  last_update_time BIGINT NOT NULL,
  description TEXT NOT NULL,
  UNIQUE (project, name)
);

CREATE TABLE registry_model_tags (
  model_key INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_key, key)
);

-- A deleted version keeps its row, with stage Deleted_Internal, so that its number is never used again.
CREATE TABLE registry_versions (
  model_key INTEGER NOT NULL,
  version BIGINT NOT NULL,
  creation_time BIGINT NOT NULL,
  last_update_time BIGINT NOT NULL,
  user_id TEXT NOT NULL,
  stage TEXT NOT NULL,
  description TEXT NOT NULL,
  source TEXT NOT NULL,
  storage_location TEXT NOT NULL,
  run_id TEXT NOT NULL,
  run_link TEXT NOT NULL,
  model_id TEXT NOT NULL,
  status TEXT NOT NULL,
  status_message TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (model_key, version)
);
CREATE INDEX registry_versions_by_run ON registry_versions (run_id);

CREATE TABLE registry_version_tags (
  model_key INTEGER NOT NULL,
  version BIGINT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_key, version, key)
);

CREATE TABLE registry_aliases (
  model_key INTEGER NOT NULL,
  alias TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (model_key, alias)
);

-- The bytes are in the blob store under their digests.
CREATE TABLE registry_version_files (
  model_key INTEGER NOT NULL,
  version BIGINT NOT NULL,
  path TEXT NOT NULL,
  digest TEXT NOT NULL,
  size BIGINT NOT NULL,
  PRIMARY KEY (model_key, version, path)
);

CREATE TABLE registry_gate_decisions (
  sequence INTEGER PRIMARY KEY,
  decision_id TEXT NOT NULL UNIQUE,
  project TEXT NOT NULL,
  model TEXT NOT NULL,
  version BIGINT NOT NULL,
  admitted INTEGER NOT NULL,
  body TEXT NOT NULL,
  time BIGINT NOT NULL,
  principal TEXT NOT NULL
);
CREATE INDEX registry_gate_decisions_by_version ON registry_gate_decisions (project, model, version, sequence);
