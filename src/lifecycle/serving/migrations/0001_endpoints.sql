-- Wanted state of endpoints.
CREATE TABLE serving_endpoints (
  project TEXT NOT NULL,
  name TEXT NOT NULL,
  spec TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (project, name)
);

-- The versions behind them, past ones included.
CREATE TABLE serving_deployments (
  id TEXT NOT NULL PRIMARY KEY,
  project TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  version BIGINT NOT NULL,
  state TEXT NOT NULL,
  traffic_percent BIGINT NOT NULL,
  canary_step BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  step_started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  reason TEXT NOT NULL,
  gate_decision_id TEXT NOT NULL
);
CREATE INDEX serving_deployments_by_endpoint ON serving_deployments (project, endpoint, created_at);
