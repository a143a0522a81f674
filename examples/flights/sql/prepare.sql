-- From raw flights to rows that a model can learn from.
--
-- Reads    the view `flights` (date, delay, distance, origin, destination) and, as variables, the
--          section `prepare` of params.yaml.
-- Offers   three relations with the same columns, sorted by time:
--            train   [as_of - valid_days - train_days, as_of - valid_days)
--            valid   [as_of - valid_days, as_of)
--            replay  [as_of, end of the data): what came after, as it is sent to the model
-- Promises that no feature of a flight sees the delay of one that left less than an hour before it,
--          or later. `caisson data leakcheck` holds the script to it.

-- How many flights left, and how many of them came late, by airport and half hour. Every history
-- feature is a sum over these slots, so that three million rows are counted once and never sorted.
CREATE TABLE slots AS
SELECT 'origin' AS side, origin AS airport, time_bucket(INTERVAL 30 minutes, date) AS slot,
       count(*) AS flights, count(*) FILTER (delay > getvariable('late_after_minutes')) AS late
FROM flights GROUP BY ALL
UNION ALL
SELECT 'destination', destination, time_bucket(INTERVAL 30 minutes, date),
       count(*), count(*) FILTER (delay > getvariable('late_after_minutes'))
FROM flights GROUP BY ALL;

-- Each slot is handed on to the flights that may see it: here to those of the seven days after its
-- own. A day ends at 23:00 for this purpose, so that a flight just after midnight keeps an hour's
-- distance too.
CREATE TABLE last_days AS
SELECT side, airport, date_trunc('day', slot + INTERVAL 1 hour) + INTERVAL 1 day * ahead AS day,
       sum(flights) AS flights, sum(late) AS late
FROM slots, range(1, 8) AS step(ahead) GROUP BY ALL;

-- And here to those of the third to seventh half hour after its own: a flight in slot s sees the
-- slots s-7 to s-3, which lie one to four hours before it wherever in its own slot it leaves.
CREATE TABLE last_hours AS
SELECT side, airport, slot + INTERVAL 30 minutes * ahead AS slot,
       sum(flights) AS flights, sum(late) AS late
FROM slots, range(3, 8) AS step(ahead) GROUP BY ALL;

-- A share that is defined with no history too: `prior_flights` imagined flights, late as often as
-- `prior_late_share`.
CREATE MACRO late_share(late, flights) AS
  CAST((coalesce(late, 0) + getvariable('prior_flights') * getvariable('prior_late_share'))
       / (coalesce(flights, 0) + getvariable('prior_flights')) AS FLOAT);

CREATE VIEW examples AS
SELECT flight.date, flight.origin, flight.destination, flight.delay,
       CAST(hour(flight.date) + minute(flight.date) / 60 AS FLOAT)   AS hour,
       CAST(isodow(flight.date) AS FLOAT)                            AS day_of_week,
       CAST(flight.distance AS FLOAT)                                AS distance,
       late_share(origin_days.late, origin_days.flights)             AS origin_late_7d,
       late_share(destination_days.late, destination_days.flights)   AS destination_late_7d,
       late_share(origin_hours.late, origin_hours.flights)           AS origin_late_4h,
       late_share(destination_hours.late, destination_hours.flights) AS destination_late_4h,
       CAST(flight.delay > getvariable('late_after_minutes') AS TINYINT) AS late
FROM flights AS flight
LEFT JOIN last_days AS origin_days
  ON origin_days.side = 'origin' AND origin_days.airport = flight.origin
 AND origin_days.day = date_trunc('day', flight.date)
LEFT JOIN last_days AS destination_days
  ON destination_days.side = 'destination' AND destination_days.airport = flight.destination
 AND destination_days.day = date_trunc('day', flight.date)
LEFT JOIN last_hours AS origin_hours
  ON origin_hours.side = 'origin' AND origin_hours.airport = flight.origin
 AND origin_hours.slot = time_bucket(INTERVAL 30 minutes, flight.date)
LEFT JOIN last_hours AS destination_hours
  ON destination_hours.side = 'destination' AND destination_hours.airport = flight.destination
 AND destination_hours.slot = time_bucket(INTERVAL 30 minutes, flight.date);

CREATE MACRO valid_start() AS
  CAST(getvariable('as_of') AS TIMESTAMP) - INTERVAL 1 day * getvariable('valid_days');

-- Sorted by everything that tells two flights apart, so that equal input gives equal bytes.
CREATE VIEW train AS
SELECT * EXCLUDE (origin, destination, delay) FROM examples
WHERE date >= valid_start() - INTERVAL 1 day * getvariable('train_days') AND date < valid_start()
ORDER BY date, origin, destination, distance, delay;

CREATE VIEW valid AS
SELECT * EXCLUDE (origin, destination, delay) FROM examples
WHERE date >= valid_start() AND date < CAST(getvariable('as_of') AS TIMESTAMP)
ORDER BY date, origin, destination, distance, delay;

CREATE VIEW replay AS
SELECT * EXCLUDE (origin, destination, delay) FROM examples
WHERE date >= CAST(getvariable('as_of') AS TIMESTAMP)
ORDER BY date, origin, destination, distance, delay;
