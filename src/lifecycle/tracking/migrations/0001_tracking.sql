-- Experiments are numbered from 0, as MLflow's are; 0 is "Default".
CREATE TABLE tracking_experiments (
  experiment_id BIGINT PRIMARY KEY,
  project TEXT NOT NULL,
  name TEXT NOT NULL,
  artifact_location TEXT NOT NULL,
  lifecycle INTEGER NOT NULL,
  creation_time BIGINT NOT NULL,
  last_update_time BIGINT NOT NULL,
  UNIQUE (project, name)
);
CREATE INDEX tracking_experiments_by_time ON tracking_experiments (project, lifecycle, creation_time DESC, experiment_id);

CREATE TABLE tracking_experiment_tags (
  experiment_id BIGINT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (experiment_id, key)
);

-- Rows that belong to a run name it by run_key, a small number, since most of this file is such rows.
CREATE TABLE tracking_runs (
  run_key INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL UNIQUE,
  experiment_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  user_id TEXT NOT NULL,
  status INTEGER NOT NULL,
  start_time BIGINT NOT NULL,
  end_time BIGINT,
  deleted_time BIGINT,
  lifecycle INTEGER NOT NULL,
  artifact_uri TEXT NOT NULL
);
CREATE INDEX tracking_runs_by_time ON tracking_runs (experiment_id, lifecycle, start_time DESC, run_id);

-- The keys of metrics, params and tags, once each.
CREATE TABLE tracking_keys (
  key_id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE
);

-- value_hash makes equality searches cheap without an index over values of up to 6,000 characters.
CREATE TABLE tracking_params (
  run_key INTEGER NOT NULL,
  key_id INTEGER NOT NULL,
  value TEXT NOT NULL,
  value_hash BIGINT NOT NULL,
  PRIMARY KEY (run_key, key_id)
) WITHOUT ROWID;
CREATE INDEX tracking_params_by_value ON tracking_params (key_id, value_hash, run_key);

CREATE TABLE tracking_tags (
  run_key INTEGER NOT NULL,
  key_id INTEGER NOT NULL,
  value TEXT NOT NULL,
  value_hash BIGINT NOT NULL,
  PRIMARY KEY (run_key, key_id)
) WITHOUT ROWID;
CREATE INDEX tracking_tags_by_value ON tracking_tags (key_id, value_hash, run_key);

-- The primary key is the identity of a point, and its order is the order of a history: both cost one tree.
CREATE TABLE tracking_metrics (
  run_key INTEGER NOT NULL,
  key_id INTEGER NOT NULL,
  timestamp BIGINT NOT NULL,
  step BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  is_nan INTEGER NOT NULL,
  PRIMARY KEY (run_key, key_id, timestamp, step, value, is_nan)
) WITHOUT ROWID;

-- The largest point of each curve by (step, timestamp, value). The experiment is here as well, so that a search walks one
-- index in the order of the values.
CREATE TABLE tracking_latest_metrics (
  run_key INTEGER NOT NULL,
  key_id INTEGER NOT NULL,
  experiment_id BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  is_nan INTEGER NOT NULL,
  timestamp BIGINT NOT NULL,
  step BIGINT NOT NULL,
  PRIMARY KEY (run_key, key_id)
) WITHOUT ROWID;
CREATE INDEX tracking_latest_metrics_by_value ON tracking_latest_metrics (experiment_id, key_id, is_nan, value, run_key);

CREATE TABLE tracking_datasets (
  dataset_key INTEGER PRIMARY KEY,
  experiment_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  source_type TEXT NOT NULL,
  source TEXT NOT NULL,
  schema TEXT,
  profile TEXT,
  UNIQUE (experiment_id, name, digest)
);
CREATE TABLE tracking_inputs (
  input_key INTEGER PRIMARY KEY,
  run_key INTEGER NOT NULL,
  dataset_key INTEGER NOT NULL,
  UNIQUE (run_key, dataset_key)
);
CREATE INDEX tracking_inputs_by_dataset ON tracking_inputs (dataset_key);
CREATE TABLE tracking_input_tags (
  input_key INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (input_key, key)
) WITHOUT ROWID;

-- Logged models that a run read (direction 0) or made (direction 1).
CREATE TABLE tracking_model_links (
  run_key INTEGER NOT NULL,
  direction INTEGER NOT NULL,
  model_id TEXT NOT NULL,
  step BIGINT NOT NULL,
  PRIMARY KEY (run_key, direction, model_id)
) WITHOUT ROWID;

CREATE TABLE tracking_logged_models (
  model_id TEXT PRIMARY KEY,
  experiment_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  artifact_uri TEXT NOT NULL,
  creation_time BIGINT NOT NULL,
  last_update_time BIGINT NOT NULL,
  status INTEGER NOT NULL,
  status_message TEXT,
  model_type TEXT,
  source_run_id TEXT,
  lifecycle INTEGER NOT NULL
);
CREATE INDEX tracking_logged_models_by_time
  ON tracking_logged_models (experiment_id, lifecycle, creation_time DESC, model_id);
CREATE TABLE tracking_logged_model_params (
  model_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_id, key)
) WITHOUT ROWID;
CREATE TABLE tracking_logged_model_tags (
  model_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_id, key)
) WITHOUT ROWID;
CREATE TABLE tracking_logged_model_metrics (
  model_id TEXT NOT NULL,
  key TEXT NOT NULL,
  timestamp BIGINT NOT NULL,
  step BIGINT NOT NULL,
  run_id TEXT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  is_nan INTEGER NOT NULL,
  dataset_name TEXT NOT NULL,
  dataset_digest TEXT NOT NULL,
  PRIMARY KEY (model_id, key, timestamp, step, run_id)
) WITHOUT ROWID;

-- What is still to be told to the main file; see the README.
CREATE TABLE tracking_journal (
  sequence INTEGER PRIMARY KEY,
  time BIGINT NOT NULL,
  project TEXT NOT NULL,
  principal TEXT NOT NULL,
  trace_id TEXT NOT NULL,
  entry TEXT NOT NULL
);
