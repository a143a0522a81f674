-- Wanted state of monitors.
CREATE TABLE monitoring_monitors (
  project TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  spec TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (project, endpoint)
);

-- What each window looked like, for each version that answered in it; evaluated again when more labels have come.
CREATE TABLE monitoring_windows (
  project TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  version BIGINT NOT NULL,
  window_start BIGINT NOT NULL,
  window_end BIGINT NOT NULL,
  predictions BIGINT NOT NULL,
  labels BIGINT NOT NULL,
  report TEXT NOT NULL,
  evaluated_at BIGINT NOT NULL,
  PRIMARY KEY (project, endpoint, version, window_start)
);

-- Findings that were announced, so that none is announced twice.
CREATE TABLE monitoring_findings (
  project TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  version BIGINT NOT NULL,
  window_start BIGINT NOT NULL,
  window_end BIGINT NOT NULL,
  announced_at BIGINT NOT NULL,
  PRIMARY KEY (project, endpoint, version, window_start)
);
