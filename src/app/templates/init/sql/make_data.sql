-- Made-up visits of a shop, so that the project runs before you have put your own data in its place. The same rows each time.
CREATE VIEW visits AS
WITH dice AS (
  SELECT i, hash(i, 'pages') % 1000 / 1000.0 AS a, hash(i, 'minutes') % 1000 / 1000.0 AS b,
         hash(i, 'known') % 1000 / 1000.0 AS c, hash(i, 'bought') % 1000 / 1000.0 AS d
  FROM range(20000) AS visit(i)
)
SELECT TIMESTAMP '2024-01-01' + INTERVAL 1 second * CAST(i * 259.2 AS BIGINT) AS time,
       CAST(1 + floor(-4 * ln(1 - a * 0.999)) AS INTEGER) AS pages,
       CAST(round(0.5 + 12 * b * b, 2) AS DOUBLE) AS minutes,
       CAST(c < 0.35 AS INTEGER) AS known_customer,
       CAST(d < 1 / (1 + exp(3.2 - 0.28 * (1 + floor(-4 * ln(1 - a * 0.999))) - 0.12 * 12 * b * b
                             - 1.1 * CAST(c < 0.35 AS INTEGER))) AS INTEGER) AS bought
FROM dice ORDER BY i;
