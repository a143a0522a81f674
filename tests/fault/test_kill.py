"""kill -9 at random moments: what was acknowledged is there, what was finished is not done again.

CAISSON_FAULT_ROUNDS says how many kills each test does (10; 100 before a release), CAISSON_FAULT_SEED repeats the
moments of a run that failed; the seed is in the output of a failing test.
"""

import collections
import os
import random
import re
import signal
import subprocess
import threading
import time

import duckdb
import pytest
import requests
from support import program, project

ROUNDS = int(os.environ.get("CAISSON_FAULT_ROUNDS", "10"))
INFER = "/v2/models/purchase/infer"
ROWS_A_REQUEST = 7


@pytest.fixture
def moments(request):
    """Where random moments come from."""
    seed = int(os.environ.get("CAISSON_FAULT_SEED", random.SystemRandom().randrange(1 << 31)))
    print(f"CAISSON_FAULT_SEED={seed}")
    return random.Random(seed)


def items(folder, *words) -> list:
    return program.run(*words, "-o", "json", cwd=folder).json()["items"]


def stages_in_lock(folder) -> set[str]:
    """The stages that dvc.lock names; a stage that stands there is complete."""
    lock = folder / "dvc.lock"
    return set(re.findall(r"^  (\w+):$", lock.read_text(), re.M)) if lock.exists() else set()


def stage_counts(folder) -> collections.Counter:
    log = folder / "stages.log"
    return collections.Counter(log.read_text().split() if log.exists() else [])


def kill_a_run(folder, seconds: float) -> None:
    """Starts `caisson run`, kills it after a while, and waits for what it had started to go as well."""
    process = subprocess.Popen([str(program.PROGRAM), "run"], cwd=folder, env=program.environment(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    program.wait_for(lambda: not program.processes_of_session(process.pid), "the stages of a killed run to end", 10)


@pytest.fixture(scope="module")
def undisturbed(template, tmp_path_factory):
    """A project that was run in one go, and how long that took."""
    folder = project.copy(template, tmp_path_factory.mktemp("undisturbed"))
    started = time.monotonic()
    program.run("run", cwd=folder)
    return folder, time.monotonic() - started


@pytest.mark.timeout(60 + ROUNDS * 60)
def test_killed_run_goes_on(template, undisturbed, tmp_path, moments):
    reference, seconds = undisturbed
    hits = collections.Counter()
    for number in range(ROUNDS):
        folder = project.copy(template, tmp_path / str(number))
        while True:
            kill_a_run(folder, moments.uniform(0, seconds))
            complete, counts = stages_in_lock(folder), stage_counts(folder)
            hits[len(complete)] += 1
            if moments.random() < 0.6:
                break
        program.run("run", cwd=folder)
        again = stage_counts(folder)
        for stage in complete:
            assert again[stage] == counts[stage], f"{stage} was complete and ran again"
        assert stages_in_lock(folder) == {"prepare", "train"}
        (version,) = items(folder, "models", "list")
        assert (version["version"], version["aliases"], version["gate"]) == (1, ["champion"], "admitted")
        runs = items(folder, "runs", "list")
        assert sorted((run["params"]["max_depth"], run["status"]) for run in runs) == [("2", "FINISHED"), ("3", "FINISHED")]
        assert all(run["metrics"]["auc"] > 0.5 and run["datasets"] for run in runs)
        assert len(items(folder, "data", "list")) == len(items(folder, "data", "checks")) == 1
        (endpoint,) = items(folder, "endpoints", "list")
        assert [(d["version"], d["traffic_percent"]) for d in endpoint["deployments"]] == [(1, 100)]
        for file in ("model/model.onnx", "features/train.parquet", "features/valid.parquet"):
            assert (folder / file).read_bytes() == (reference / file).read_bytes(), file
        program.run("explain", "endpoint", "purchase", cwd=folder)
    print(f"complete stages at a kill: {dict(hits)}")


class Traffic(threading.Thread):
    """Sends the weeks of the drift, and labels, to whichever server there is, and keeps what was acknowledged."""

    def __init__(self, rows):
        super().__init__()
        self.rows = rows
        self.url = None
        self.ids: list[str] = []
        self.labels = 0
        self.failures: list[str] = []
        self.stopping = threading.Event()

    def run(self):
        position = 0
        while not self.stopping.is_set():
            url = self.url
            if url is None:
                time.sleep(0.005)
                continue
            rows = self.rows[position % len(self.rows):][:ROWS_A_REQUEST]
            position += len(rows)
            try:
                with requests.Session() as session:
                    self.send(session, url, rows)
            except requests.RequestException:
                continue  # the server was killed; nothing was acknowledged

    def send(self, session, url, rows):
        body = {"parameters": {"event_time": rows[0][0]},
                "inputs": [{"name": "features", "datatype": "FP32", "shape": [len(rows), len(project.FEATURES)],
                            "data": [value for row in rows for value in row[2:]]}]}
        answer = session.post(url + INFER, json=body, timeout=30)
        if answer.status_code != 200:
            self.failures.append(answer.text)
            return
        log, segment, offset, _ = answer.json()["parameters"]["prediction_id"].split("-")
        ids = [f"{log}-{segment}-{offset}-{row:x}" for row in range(len(rows))]
        self.ids += ids
        labels = [{"id": prediction, "label": row[1]} for prediction, row in zip(ids, rows)]
        answer = session.post(url + "/api/v1/endpoints/purchase/labels", json={"labels": labels}, timeout=30)
        if answer.status_code == 200:
            self.labels += len(labels)
        else:
            self.failures.append(answer.text)


def replay_rows(folder) -> list[tuple]:
    """(event time in milliseconds, label, features...)"""
    return duckdb.connect().execute(f"SELECT epoch_ms(time), bought, {', '.join(project.FEATURES)} "
                                    f"FROM '{folder}/replay.parquet'").fetchall()


def state_of(server) -> dict[int, str]:
    return {d["version"]: d["state"] for d in reversed(server.get("/api/v1/endpoints/purchase")["deployments"])}


def live_until_promoted(folder, rows, moments, most_kills: int) -> tuple[int, collections.Counter]:
    """Kills the server again and again while it reacts to the drift; returns the kills, by what went on."""
    kills, hit = 0, collections.Counter()
    traffic = Traffic(rows)
    server = program.Server(folder)
    last_before_kill = []
    traffic.url = server.url
    traffic.start()
    try:
        deadline = time.monotonic() + 240
        while state_of(server).get(2) != "stable":
            assert time.monotonic() < deadline, f"version 2 was not promoted; {state_of(server)}"
            if kills >= most_kills:
                time.sleep(0.05)
                continue
            time.sleep(moments.uniform(0.02, 1.5))
            jobs = server.get("/api/v1/jobs?state=running")["items"]
            hit["canary" if state_of(server).get(2) == "canary" else "retrain" if jobs else "serving"] += 1
            traffic.url = None
            server.kill()
            kills += 1
            last_before_kill += traffic.ids[-1:]
            server.start()
            traffic.url = server.url
        traffic.stopping.set()
        traffic.join()
        check_nothing_lost(server, folder, traffic, last_before_kill, moments)
    finally:
        traffic.stopping.set()
        traffic.join()
        server.kill()
    return kills, hit


def check_nothing_lost(server, folder, traffic, last_before_kill, moments):
    assert traffic.failures == []
    endpoint = server.get("/api/v1/endpoints/purchase")
    assert endpoint["predictions"] >= len(traffic.ids) and endpoint["labels"] >= traffic.labels > 0
    asked = {*last_before_kill, traffic.ids[0], traffic.ids[-1], *moments.sample(traffic.ids, min(200, len(traffic.ids)))}
    for prediction in asked:
        server.get(f"/api/v1/explain/prediction/{prediction}")
    # One retrain, its two candidates, one new version, admitted and promoted once, whatever was killed.
    jobs = server.get("/api/v1/jobs?limit=1000")["items"]
    assert [job["state"] for job in jobs] == ["succeeded"] * 2
    versions = server.get("/api/v1/model-versions?model=purchase")["items"]
    assert sorted((version["version"], version["gate"]) for version in versions) == [(1, "admitted"), (2, "admitted")]
    runs = server.get("/api/v1/runs?limit=1000")["items"]
    assert [run["status"] for run in runs] == ["FINISHED"] * 4
    types = collections.Counter(event["type"] for event in server.get("/api/v1/events?limit=1000")["items"])
    assert (types["model_version.admitted"], types["endpoint.canary_started"], types["endpoint.promoted"]) == (2, 1, 1)
    assert server.get("/api/v1/models/purchase/versions/2")["aliases"] == ["champion"]
    (workspace,) = (folder / "caisson-data/workspaces").iterdir()
    assert stages_in_lock(workspace) == {"prepare", "train"}


@pytest.mark.timeout(120 + ROUNDS * 60)
def test_killed_server_goes_on_with_its_reaction(template, tmp_path, moments):
    rows = replay_rows(template)
    kills, hits, life = 0, collections.Counter(), 0
    while kills < ROUNDS:
        folder = project.copy(template, tmp_path / str(life))
        project.edit(folder, "caisson.yaml", "bake: 100ms", "bake: 600ms")
        program.run("run", cwd=folder)
        done, hit = live_until_promoted(folder, rows, moments, ROUNDS - kills)
        kills, hits, life = kills + done, hits + hit, life + 1
        assert life <= ROUNDS + 5, "too few kills come in before the promotion"
    print(f"{kills} kills in {life} lives: {dict(hits)}")
