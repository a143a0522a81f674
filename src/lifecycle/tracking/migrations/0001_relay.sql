-- The last journal entry of the metrics file that this file has taken in.
CREATE TABLE tracking_relay (
  id INTEGER PRIMARY KEY,
  sequence BIGINT NOT NULL
);
INSERT INTO tracking_relay (id, sequence) VALUES (1, 0);
