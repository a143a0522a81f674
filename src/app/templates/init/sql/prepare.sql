-- Reads the view `visits` and, as variables, the section `prepare` of params.yaml. Offers `train` and `valid`: features are
-- the FLOAT columns, `bought` is the target.
CREATE VIEW examples AS
SELECT time,
       CAST(pages AS FLOAT)            AS pages,
       CAST(minutes AS FLOAT)          AS minutes,
       CAST(known_customer AS FLOAT)   AS known_customer,
       CAST(hour(time) AS FLOAT)         AS hour,
       CAST(bought AS TINYINT)         AS bought
FROM visits
WHERE time < CAST(getvariable('until') AS TIMESTAMP)
ORDER BY time;

CREATE VIEW train AS
SELECT * FROM examples
WHERE time < CAST(getvariable('until') AS TIMESTAMP) - INTERVAL 1 day * getvariable('valid_days');

CREATE VIEW valid AS
SELECT * FROM examples
WHERE time >= CAST(getvariable('until') AS TIMESTAMP) - INTERVAL 1 day * getvariable('valid_days');
