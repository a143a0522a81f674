"""The same seeded calls, valid and invalid, to MLflow's own server and to ours; the answers must be equal.

    build/venv/mlflow/bin/python tests/compat/mlflow/differential.py [--calls N] [--seed S] [--theirs URI] [--ours URI]

Without --theirs and --ours both servers are started. Ids, times and page tokens are replaced by what they stand for before the
answers are compared; every other difference is listed in TOLERATED with its reason, or it fails.
"""

import argparse
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# (what in the path, what in their answer, the reason). A call whose answers differ is forgiven when a row fits it.
TOLERATED = [
    ("", "(sqlite3.", "their text quotes the SQL statement and SQLAlchemy's own words"),
    ("", "Valid keys are '{", "they print a Python set, whose order is random"),
    ("", "not one of '{", "they print a Python set, whose order is random"),
    ("", "<!doctype html>", "they end in Flask's page for a crash or an unknown path; ours is a JSON error"),
    ("", "could not convert string to float", "they end in an internal error with Python's text"),
]
# Calls that they answer after reading only a part of the request, where ours says which field is wrong.
UNREADABLE = "See the API docs for more information about request parameters."

KEYS = ["m", "loss", "a/b", "with space", "dotted.key", "ünïcode"]
BAD_KEYS = ["", "../m", "a,b", "a//b", ".", "/abs", "x" * 251, "tab\tkey"]
TEXTS = ["", "v", "Value", "it's", 'say "hi"', "schön", "100%", "a_b", "axb", "x" * 300]
FILTERS = [
    "", "metrics.m > 1", "metrics.m >= -1.5e0", "metrics.loss != 0", "metrics.`with space` < 3", 'metrics."a/b" = 1', "params.p = 'v'",
    "params.p != 'v'", "params.p LIKE 'V%'", "params.p ILIKE 'V%'", "tags.t = 'a_b'", "tags.t LIKE 'a_b'", "attributes.status = 'RUNNING'",
    "status != 'FINISHED'", "start_time > 5", "attributes.end_time < 100", "run_name LIKE 'r%'", "attributes.`Run name` = 'r1'",
    "params.p IS NULL", "tags.t IS NOT NULL", "metrics.m > 0 AND params.p = 'v'", "metrics.m > 0 and tags.t ILIKE 'A%'",
    "dataset.name = 'd'", "datasets.context IN ('train', 'eval')", "dataset.digest LIKE 'g%'",
    # What is refused.
    "metrics.m > 'x'", "metrics.m > x", "params.p > 'a'", "params.p = 1", "params.p = v", "foo.m = 1", "m = 1", "metrics.m > 1 OR metrics.m < 0",
    "metrics.m >", "> 1", "metrics.m 1", "metrics.m == 1", "metrics.m-1 > 0", "metrics.m/1 > 0", "status IN ('a')", "run_id IN ()",
    "run_id IN ('a', 1)", "run_id NOT IN ('a')", "dataset.size = 'x'", "metrics.m IS NULL", "status IS NULL", "params.p NOT LIKE 'a'",
    "a = 'x'; b = 'y'", "metrics.m > 1;", "(metrics.m > 1)", "metrics.m > 1, metrics.m < 2", "'a' = 'a'", "select = 'x'", "timestamp > 1",
    "params.p = 'unclosed", "metrics.1 > 0", "tags.a b = 'x'",
]
ORDERS = [
    [], ["metrics.m"], ["metrics.m DESC"], ["metrics.`with space` ASC"], ["params.p DESC"], ["tags.t"], ["attributes.start_time ASC"],
    ["start_time DESC"], ["end_time"], ["status DESC", "metrics.m"], ["created ASC"], ["metrics.m", "metrics.m DESC"],
    ["metrics.m foo"], ["foo.m"], ["m"], ["metrics.m DESC NULLS LAST"], [""], ["metrics.m, params.p"], ["dataset.name"],
]
EXPERIMENT_FILTERS = ["", "name LIKE 'e%'", "name ILIKE 'E%'", "name = 'e1'", "tags.k = 'v'", "tags.k != 'v'", "tag.k IS NULL", "experiment_id IN ('0', '1')",
                      "creation_time > 5", "name like 'e%'", "metrics.m > 1", "experiment_id > 1", "creation_time > 1.5", "foo = 'x'", "name > 'a'",
                      "attribute.name = 'e1'", "experiment_id = 'x'"]
REGISTRY_FILTERS = ["", "name = 'model1'", "name LIKE 'mod%'", "name ILIKE 'MOD%'", "tags.k = 'v'", "tags.k != 'v'", "name IN ('model1', 'model2')",
                    "foo = 'x'", "name > 'a'", "tags.k > 'a'", "name = 1", "tags.`mlflow.prompt.is_prompt` = 'true'"]
VERSION_FILTERS = ["", "name = 'model1'", "run_id = 'r'", "run_id IN ('r')", "source_path = 's3://b/1'", "version_number > 1", "version_number = '2'",
                   "version_number > 1.5", "tags.k = 'v'", "foo = 'x'", "name LIKE 'm%'", "source_path IN ('x')", "version_number LIKE '1'"]


class Side:
    """One server, and what its ids are called in the script."""

    def __init__(self, uri: str):
        self.uri = uri
        self.session = requests.Session()
        self.names = {}   # real id -> name
        self.ids = {}     # name -> real id
        self.tokens = {}

    def learn(self, name: str, real: str):
        self.ids[name] = real
        self.names[real] = name

    def fill(self, value):
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, str):
            return re.sub(r"<(\w+)>", lambda match: self.ids.get(match.group(1), match.group(0)), value)
        return value

    def send(self, method: str, path: str, fields, raw=None):
        url = f"{self.uri}/api/2.0/{self.fill(path)}"
        if raw is not None:
            return self.session.request(method, url, data=raw.encode(), headers={"Content-Type": "application/json"}, timeout=60)
        filled = self.fill(fields)
        if method == "GET":
            return self.session.get(url, params=filled, timeout=60)
        return self.session.request(method, url, json=filled, timeout=60)

    def plain(self, answer):
        """The answer with ids, times and tokens replaced, and lists whose order means nothing sorted."""
        text = answer.text
        for real, name in self.names.items():
            text = text.replace(real, f"<{name}>")
        try:
            body = json.loads(text)
        except ValueError:
            return text
        return self.clean(body)

    def clean(self, value, key=""):
        if isinstance(value, dict):
            return {name: self.clean(item, name) for name, item in value.items()}
        if isinstance(value, list):
            items = [self.clean(item, key) for item in value]
            if key in ("tags", "params", "metrics", "aliases", "dataset_summaries", "latest_versions"):
                items.sort(key=lambda item: json.dumps(item, sort_keys=True))
            return items
        if key in ("creation_time", "last_update_time", "creation_timestamp", "last_updated_timestamp", "creation_timestamp_ms",
                   "last_updated_timestamp_ms"):
            return "<time>"
        if key == "next_page_token":
            return "<token>"
        if key == "run_name" or (key == "value" and isinstance(value, str) and re.fullmatch(r"[a-z]+-[a-z]+-\d+", value)):
            return "<made up>" if re.fullmatch(r"[a-z]+-[a-z]+-\d+", str(value)) else value
        return value


class Script:
    """Makes calls from a seed. A call is (method, path, fields, name for a new id, raw body)."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.experiments = ["0"]
        self.runs, self.models, self.logged = [], [], []
        self.count = 0

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def run(self):
        return f"<{self.random.choice(self.runs)}>" if self.runs and self.random.random() < 0.95 else self.random.choice(["nope", "", "no/pe", 5])

    def experiment(self):
        if self.random.random() < 0.08:
            return self.random.choice(["999", "abc", "", "1.5"])
        return self.random.choice(self.experiments)

    def key(self):
        return self.random.choice(BAD_KEYS) if self.random.random() < 0.1 else self.random.choice(KEYS)

    def text(self):
        return self.random.choice(TEXTS)

    def metric(self):
        metric = {"key": self.key(), "value": self.random.choice([0, 1, -2.5, 1e300, 1e-7, "NaN", "Infinity", "-Infinity", 3]),
                  "timestamp": self.random.randint(0, 20), "step": self.random.randint(-2, 5)}
        if self.random.random() < 0.08:
            metric.pop(self.random.choice(list(metric)))
        if self.random.random() < 0.04:
            metric["timestamp"] = -1
        return metric

    def spoil(self, fields: dict) -> dict:
        """Now and then a field is missing or of another type."""
        # Fields without a validator of their own are left alone: MLflow reads only what stands before them, and from then on
        # the two servers would know different things.
        known = [name for name in fields if name not in ("tags", "user_id", "datasets", "start_time", "status", "run_view_type")]
        if known and self.random.random() < 0.06:
            field = self.random.choice(known)
            if self.random.random() < 0.5:
                fields = {name: value for name, value in fields.items() if name != field}
            else:
                fields = {**fields, field: self.random.choice([None, "", [], {}, 7, "text", True])}
        return fields

    def next(self):
        kinds = [self.create_run] * 6 + [self.log_batch] * 12 + [self.log_one] * 8 + [self.search_runs] * 16 + [self.experiments_calls] * 8
        kinds += [self.run_life] * 7 + [self.history] * 5 + [self.registry] * 18 + [self.logged_models] * 6 + [self.raw] * 2
        if not self.runs:
            kinds = [self.create_run]
        method, path, fields, made, raw = self.random.choice(kinds)()
        if method != "GET" and raw is None and path != "mlflow/runs/create":
            fields = self.spoil(fields)
        return method, path, fields, made, raw

    def create_run(self):
        name = self.name("run")
        # An empty experiment id crashes their server and means the default experiment for ours.
        fields = {"experiment_id": self.experiment() or "999", "start_time": self.count, "user_id": "u",
                  "tags": [{"key": "t", "value": self.text()}] if self.random.random() < 0.5 else []}
        if self.random.random() < 0.7:
            fields["run_name"] = self.random.choice(["r1", "r2", "other"])
        return "POST", "mlflow/runs/create", fields, ("run", name), None

    def log_batch(self):
        fields = {"run_id": self.run(), "metrics": [self.metric() for _ in range(self.random.randint(0, 5))]}
        if self.random.random() < 0.5:
            fields["params"] = [{"key": self.random.choice(["p", "q", self.key()]), "value": self.text()} for _ in range(self.random.randint(0, 3))]
        if self.random.random() < 0.5:
            fields["tags"] = [{"key": self.random.choice(["t", "k", self.key()]), "value": self.text()} for _ in range(self.random.randint(0, 3))]
        return "POST", "mlflow/runs/log-batch", fields, None, None

    def log_one(self):
        kind = self.random.choice(["log-metric", "log-parameter", "set-tag", "delete-tag", "log-inputs"])
        if kind == "log-metric":
            return "POST", f"mlflow/runs/{kind}", {"run_id": self.run(), **self.metric()}, None, None
        if kind == "log-inputs":
            dataset = {"name": self.random.choice(["d", "e"]), "digest": self.random.choice(["g1", "g2"]), "source_type": "s", "source": "u"}
            tags = [{"key": "mlflow.data.context", "value": self.random.choice(["train", "eval"])}]
            return "POST", f"mlflow/runs/{kind}", {"run_id": self.run(), "datasets": [{"dataset": dataset, "tags": tags}]}, None, None
        key = self.random.choice(["p", "t", self.key()])
        return "POST", f"mlflow/runs/{kind}", {"run_id": self.run(), "key": key, "value": self.text()}, None, None

    def search_runs(self):
        fields = {"experiment_ids": list({self.experiment() for _ in range(self.random.randint(1, 3))}), "filter": self.random.choice(FILTERS),
                  "order_by": self.random.choice(ORDERS), "max_results": self.random.choice([1, 3, 10, 1000, 50000, 50001, 0, -1])}
        if self.random.random() < 0.3:
            fields["run_view_type"] = self.random.choice(["ACTIVE_ONLY", "DELETED_ONLY", "ALL", 2])
        return "POST", "mlflow/runs/search", fields, None, None

    def experiments_calls(self):
        kind = self.random.choice(["create", "get", "get-by-name", "search", "search", "update", "delete", "restore", "set-experiment-tag", "search-datasets"])
        path = f"mlflow/experiments/{kind}"
        if kind == "create":
            name = self.random.choice(["e1", "e2", "E3", self.name("e"), "", "x" * 501])
            fields = {"name": name, "tags": [{"key": self.key(), "value": self.text()}] if self.random.random() < 0.4 else []}
            return "POST", path, fields, ("experiment", self.name("experiment")), None
        if kind == "get":
            return "GET", path, {"experiment_id": self.experiment()}, None, None
        if kind == "get-by-name":
            return "GET", path, {"experiment_name": self.random.choice(["e1", "Default", "nobody"])}, None, None
        if kind == "search":
            fields = {"filter": self.random.choice(EXPERIMENT_FILTERS), "max_results": self.random.choice([1, 100, 50001, 0]),
                      "order_by": self.random.choice([[], ["name DESC"], ["experiment_id"], ["foo"], ["tags.k"], ["name, experiment_id"]])}
            return "POST", path, fields, None, None
        if kind == "search-datasets":
            return "POST", path, {"experiment_ids": [self.experiment()] if self.random.random() < 0.8 else []}, None, None
        if kind == "update":
            return "POST", path, {"experiment_id": self.experiment(), "new_name": self.random.choice(["e1", self.name("renamed"), ""])}, None, None
        if kind == "set-experiment-tag":
            return "POST", path, {"experiment_id": self.experiment(), "key": self.random.choice(["k", self.key()]), "value": self.random.choice(["v", "w"])}, None, None
        identifier = self.random.choice(self.experiments[1:] or ["999"]) if self.random.random() < 0.9 else "abc"
        return "POST", path, {"experiment_id": identifier}, None, None

    def run_life(self):
        kind = self.random.choice(["get", "get", "get", "update", "delete", "restore"])
        if kind == "get":
            return "GET", "mlflow/runs/get", {"run_id": self.run()}, None, None
        fields = {"run_id": self.run()}
        if kind == "update":
            fields |= {"status": self.random.choice(["FINISHED", "FAILED", "RUNNING", "KILLED"]), "end_time": self.random.randint(0, 200)}
            if self.random.random() < 0.3:
                fields["run_name"] = "r2"
        return "POST", f"mlflow/runs/{kind}", fields, None, None

    def history(self):
        if self.random.random() < 0.3:
            fields = {"run_ids": [self.run() for _ in range(self.random.randint(1, 3))], "metric_key": self.random.choice(KEYS),
                      "max_results": self.random.choice([1, 2, 10, 2500, 2501, 0])}
            if self.random.random() < 0.3:
                fields["start_step"] = self.random.randint(0, 3)
            if self.random.random() < 0.3:
                fields["end_step"] = self.random.randint(0, 3)
            return "GET", "mlflow/metrics/get-history-bulk-interval", fields, None, None
        fields = {"run_id": self.run(), "metric_key": self.random.choice(KEYS)}
        if self.random.random() < 0.4:
            fields["max_results"] = self.random.choice([1, 5, 0, -1, "x"])
        return "GET", "mlflow/metrics/get-history", fields, None, None

    def model(self):
        return self.random.choice(["model1", "model2", "model3"] if self.random.random() < 0.92 else ["nobody", "a/b", "", "a:b", ".."])

    def version(self):
        return self.random.choice(["1", "1", "2", "3", "99", "x", "", "-1"])

    def registry(self):
        kind = self.random.randrange(15)
        name = self.model()
        pair = {"name": name, "version": self.version()}
        tag = {"key": self.random.choice(["k", self.key()]), "value": self.text()}
        table = [
            ("POST", "registered-models/create", {"name": name, "description": self.text(), "tags": [tag]}),
            ("GET", "registered-models/get", {"name": name}),
            ("PATCH", "registered-models/update", {"name": name, "description": self.text()}),
            ("GET", "registered-models/search", {"filter": self.random.choice(REGISTRY_FILTERS), "max_results": self.random.choice([1, 100, 1001]),
                                                 "order_by": self.random.choice([[], ["name DESC"], ["foo"], ["name", "name"]])}),
            ("POST", "registered-models/set-tag", {"name": name, **tag}),
            ("DELETE", "registered-models/delete-tag", {"name": name, "key": tag["key"]}),
            ("POST", "registered-models/alias", {**pair, "alias": self.random.choice(["champ", "latest", "v1", "a b", "ok-1", ""])}),
            ("GET", "registered-models/alias", {"name": name, "alias": self.random.choice(["champ", "latest", "none"])}),
            ("DELETE", "registered-models/alias", {"name": name, "alias": self.random.choice(["champ", "none"])}),
            ("POST", "model-versions/create", {"name": name, "source": self.random.choice(["s3://b/1", "s3://b/2", "/etc/passwd", "models:/model1/1",
                                               "mlflow-artifacts:/0/x", "runs:/r/x", "models:/m-1", "s3://b/../x", ""]), "tags": [tag],
                                               **({"run_id": "r"} if self.random.random() < 0.3 else {})}),
            ("GET", "model-versions/get", pair),
            ("POST", "model-versions/transition-stage", {**pair, "stage": self.random.choice(["Staging", "production", "None", "nope"]),
                                                         "archive_existing_versions": self.random.random() < 0.5}),
            ("GET", "model-versions/search", {"filter": self.random.choice(VERSION_FILTERS), "max_results": self.random.choice([1, 100, 200001])}),
            ("POST", "registered-models/get-latest-versions", {"name": name, "stages": self.random.choice([[], ["Staging"], ["nope"]])}),
            ("POST", "model-versions/set-tag", {**pair, **tag}),
        ]
        if self.random.random() < 0.06:
            return "DELETE", "mlflow/model-versions/delete", pair, None, None
        method, path, fields = table[kind]
        return method, f"mlflow/{path}", fields, None, None

    def logged_models(self):
        if not self.logged or self.random.random() < 0.3:
            fields = {"experiment_id": self.experiment(), "name": self.random.choice(["lm", "bad.name", "x"]), "model_type": "t",
                      "params": [{"key": "a", "value": self.text()}], "tags": [{"key": "t", "value": self.text()}], "source_run_id": ""}
            return "POST", "mlflow/logged-models", fields, ("logged", self.name("logged")), None
        identifier = f"<{self.random.choice(self.logged)}>"
        kind = self.random.randrange(4)
        if kind == 0:
            return "GET", f"mlflow/logged-models/{identifier}", {}, None, None
        if kind == 1:
            return "PATCH", f"mlflow/logged-models/{identifier}", {"model_id": identifier, "status": self.random.choice([2, "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"])}, None, None
        if kind == 2:
            return "PATCH", f"mlflow/logged-models/{identifier}/tags", {"tags": [{"key": "z", "value": self.text()}]}, None, None
        fields = {"experiment_ids": [self.experiment()], "filter": self.random.choice(["", "params.a = 'v'", "name = 'lm'", "tags.t != 'v'", "foo.x = 'y'", "name > 'a'"]),
                  "max_results": self.random.choice([1, 50])}
        return "POST", "mlflow/logged-models/search", fields, None, None

    def raw(self):
        body = self.random.choice(["", "{", "[]", "5", "null", "true", '"{}"', '{"run_id": ', '{"a": NaN}', "\x00", "{" * 200, '{"run_id": 1e999}'])
        path = self.random.choice(["mlflow/runs/log-batch", "mlflow/experiments/create", "mlflow/runs/log-metric", "mlflow/runs/search"])
        return "POST", path, {}, None, body


def learn(script: Script, made, theirs: Side, ours: Side, their_answer, our_answer):
    kind, name = made
    if their_answer.status_code != 200 or our_answer.status_code != 200:
        return
    if kind == "experiment":
        # Both count from 1, so that the ids are equal as long as the servers agree.
        script.experiments.append(their_answer.json()["experiment_id"])
        return
    pick = (lambda body: body["run"]["info"]["run_id"]) if kind == "run" else (lambda body: body["model"]["info"]["model_id"])
    theirs.learn(name, pick(their_answer.json()))
    ours.learn(name, pick(our_answer.json()))
    (script.runs if kind == "run" else script.logged).append(name)


def tolerated(path: str, their_text: str, our_text: str, their_status: int, our_status: int):
    for where, what, reason in TOLERATED:
        if where in path and what in their_text:
            return reason
    if our_status == 400 and UNREADABLE in our_text and UNREADABLE not in their_text:
        return "they answer after reading only the fields before the one that is wrong; ours names it"
    return None


def first_difference(a, b, path=""):
    """Where two answers part, and what is there."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            if a.get(key) != b.get(key):
                return first_difference(a.get(key), b.get(key), f"{path}.{key}")
    if isinstance(a, list) and isinstance(b, list):
        for index, (left, right) in enumerate(zip(a, b)):
            if left != right:
                return first_difference(left, right, f"{path}[{index}]")
        return f"{path}: {len(a)} and {len(b)} items"
    return f"{path}: {json.dumps(a, ensure_ascii=False)[:300]} and {json.dumps(b, ensure_ascii=False)[:300]}"


def compare(calls: int, seed: int, theirs: Side, ours: Side) -> int:
    script = Script(seed)
    failures, forgiven = 0, {}
    for number in range(calls):
        method, path, fields, made, raw = script.next()
        their_answer, our_answer = theirs.send(method, path, fields, raw), ours.send(method, path, fields, raw)
        if made:
            learn(script, made, theirs, ours, their_answer, our_answer)
        their_body, our_body = theirs.plain(their_answer), ours.plain(our_answer)
        if their_answer.status_code == our_answer.status_code and their_body == our_body:
            continue
        reason = tolerated(path, their_answer.text, our_answer.text, their_answer.status_code, our_answer.status_code)
        if reason:
            forgiven[reason] = forgiven.get(reason, 0) + 1
            continue
        failures += 1
        if failures <= 40:
            print(f"\n#{number} {method} {path} {raw if raw is not None else json.dumps(fields, ensure_ascii=False)[:600]}")
            print(f"  theirs {their_answer.status_code}, ours {our_answer.status_code}; at {first_difference(their_body, our_body)}")
    print(f"\n{calls} calls with seed {seed}: {calls - failures - sum(forgiven.values())} equal, {failures} different, tolerated:")
    for reason, count in sorted(forgiven.items()):
        print(f"  {count:5}  {reason}")
    return failures


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_theirs(folder: pathlib.Path):
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri",
               f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "artifacts")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                               env={**os.environ, "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "40"})
    for _ in range(600):
        try:
            if requests.get(f"http://127.0.0.1:{port}/health", timeout=1).ok:
                return process, f"http://127.0.0.1:{port}"
        except requests.RequestException:
            time.sleep(0.2)
    raise SystemExit("MLflow's own server did not start")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--theirs")
    parser.add_argument("--ours")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="caisson-differential-") as name:
        folder = pathlib.Path(name)
        process = running = None
        try:
            their_uri, our_uri = arguments.theirs, arguments.ours
            if not their_uri:
                process, their_uri = start_theirs(folder)
            if not our_uri:
                import conftest

                running = conftest.Server(folder)
                our_uri = running.uri
            return 1 if compare(arguments.calls, arguments.seed, Side(their_uri), Side(our_uri)) else 0
        finally:
            if process:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
            if running:
                running.stop()


if __name__ == "__main__":
    sys.exit(main())
