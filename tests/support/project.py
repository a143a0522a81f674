"""A project small enough to run in a second or two, with a drift in its data.

Four weeks of made-up visits teach and judge the first model. In the four weeks after, from 2024-01-29 on,
visits last longer and mean something else: the drift that the monitor must find, and from which a second
version learns.
"""

import pathlib
import shutil

from . import program

AS_OF = "2024-01-29"
ROWS_A_DAY = 300
DAYS = 56
FEATURES = ["pages", "minutes", "known_customer", "hour"]

FILES = {
    "sql/make_data.sql": f"""\
CREATE VIEW visits AS
WITH dice AS (
  SELECT i, i >= {ROWS_A_DAY * DAYS // 2} AS later,
         hash(i, 'pages') % 1000 / 1000.0 AS a, hash(i, 'minutes') % 1000 / 1000.0 AS b,
         hash(i, 'known') % 1000 / 1000.0 AS c, hash(i, 'bought') % 1000 / 1000.0 AS d
  FROM range({ROWS_A_DAY * DAYS}) AS visit(i)
), values AS (
  SELECT i, later, d, CAST(1 + floor(-4 * ln(1 - a * 0.999)) AS INTEGER) AS pages,
         round(CASE WHEN later THEN 8 + 8 * b ELSE 10 * b END, 2) AS minutes, CAST(c < 0.35 AS INTEGER) AS known_customer
  FROM dice
)
SELECT TIMESTAMP '2024-01-01' + INTERVAL 1 second * CAST(i * 86400 / {ROWS_A_DAY} AS BIGINT) AS time,
       pages, CAST(minutes AS DOUBLE) AS minutes, known_customer,
       CAST(d < 1 / (1 + exp(CASE WHEN later THEN 0.6 * minutes - 7 - 1.2 * known_customer
                                  ELSE 3.0 - 0.6 * minutes - 1.2 * known_customer END)) AS INTEGER) AS bought
FROM values ORDER BY i;
""",
    "sql/prepare.sql": """\
CREATE VIEW examples AS
SELECT time AS time, CAST(pages AS FLOAT) AS pages, CAST(minutes AS FLOAT) AS minutes,
       CAST(known_customer AS FLOAT) AS known_customer, CAST(hour(time) AS FLOAT) AS hour,
       CAST(bought AS TINYINT) AS bought
FROM visits ORDER BY time;
CREATE MACRO day(back) AS CAST(getvariable('as_of') AS TIMESTAMP) - INTERVAL 1 day * back;
CREATE VIEW train AS SELECT * FROM examples WHERE time >= day(7) AND time < day(2);
CREATE VIEW valid AS SELECT * FROM examples WHERE time >= day(2) AND time < day(0);
CREATE VIEW replay AS SELECT * FROM examples WHERE time >= day(0);
""",
    "checks/visits.yaml": """\
table:
- row_count: {min: 1000}
- columns: [time, pages, minutes, known_customer, bought]
columns:
  time:
  - not_null
  pages:
  - not_null
  - between: {min: 1, max: 1000}
  minutes:
  - between: {min: 0, max: 600}
  bought:
  - not_null
  - between: {min: 0, max: 1}
""",
    "params.yaml": f"""\
prepare:
  as_of: "{AS_OF}"
train:
  seed: 1
  metric: auc
  xgboost: {{objective: 'binary:logistic', tree_method: hist, num_boost_round: 15}}
  grid: {{max_depth: [2, 3]}}
""",
    # The word that each stage adds to stages.log tells the tests how often it ran to its end.
    "dvc.yaml": """\
stages:
  prepare:
    cmd: >-
      caisson query --file sql/prepare.sql --input visits=data/visits.parquet --params params.yaml:prepare
      --output train=features/train.parquet --output valid=features/valid.parquet
      && echo prepare >> stages.log
    deps: [data/visits.parquet, sql/prepare.sql]
    params: [prepare]
    outs: [features/train.parquet, features/valid.parquet]
  train:
    cmd: >-
      caisson train --params params.yaml:train --train features/train.parquet --valid features/valid.parquet
      --target bought --out model && echo train >> stages.log
    deps: [features/train.parquet, features/valid.parquet]
    params: [train]
    outs: [model]
""",
    "caisson.yaml": """\
project: visits
pipeline: dvc.yaml
checks: {data/visits.parquet: checks/visits.yaml}
models:
  purchase:
    from: train
    evaluate: {data: features/valid.parquet, target: bought}
    gate: [auc >= 0.6, auc >= champion - 0.005, p99_ms <= 100]
endpoints:
  purchase:
    model: purchase@champion
    canary: {steps: [20, 60], bake: 100ms, min_requests: 20, max_latency_ratio: 1000}
monitors:
  purchase:
    window: 7d
    min_predictions: 300
    min_labels: 100
    drift: {method: psi, threshold: 0.25, features: [minutes]}
    performance: {metric: auc, drop: 0.05}
    on_drift: {retrain: {set: {prepare.as_of: "${window_end}"}}}
""",
}


def write(folder: pathlib.Path) -> pathlib.Path:
    """Writes the project's files without its data."""
    for path, text in FILES.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "data").mkdir(exist_ok=True)
    return folder


def make_data(folder: pathlib.Path) -> pathlib.Path:
    """Makes data/visits.parquet and features/replay.parquet, the weeks after the first model's."""
    program.run("query", "--file", "sql/make_data.sql", "--output", "visits=data/visits.parquet", cwd=folder)
    program.run("query", "--file", "sql/prepare.sql", "--input", "visits=data/visits.parquet", "--params",
                "params.yaml:prepare", "--output", "replay=replay.parquet", cwd=folder)
    return folder


def copy(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """A project of its own made from one that was never run."""
    shutil.copytree(source, folder, dirs_exist_ok=True)
    return folder


def edit(folder: pathlib.Path, path: str, old: str, new: str) -> None:
    text = (folder / path).read_text()
    assert old in text, f"{path} has no {old!r}"
    (folder / path).write_text(text.replace(old, new))


def infer_body(row: list[float], **parameters) -> dict:
    body = {"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, len(row)], "data": row}]}
    return {**body, "parameters": parameters} if parameters else body
