CREATE TABLE lineage_nodes (
  project TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  time BIGINT NOT NULL,
  attributes TEXT NOT NULL,
  PRIMARY KEY (project, kind, name)
);

CREATE TABLE lineage_edges (
  project TEXT NOT NULL,
  from_kind TEXT NOT NULL,
  from_name TEXT NOT NULL,
  relation TEXT NOT NULL,
  to_kind TEXT NOT NULL,
  to_name TEXT NOT NULL,
  time BIGINT NOT NULL,
  PRIMARY KEY (project, from_kind, from_name, relation, to_kind, to_name)
);
CREATE INDEX lineage_edges_to ON lineage_edges (project, to_kind, to_name);
