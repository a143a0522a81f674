"""The whole example on the real data: three million flights, from raw file to a model that was replaced."""

import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree as xml

import duckdb
import pytest

from support import program

EXAMPLE = program.ROOT / "examples/flights"
DATA = pathlib.Path(os.environ.get("CAISSON_FLIGHTS_DATA", program.ROOT / "build/data/flights-3m.parquet"))
DEMO_SECONDS = 900

pytestmark = pytest.mark.timeout(DEMO_SECONDS + 60)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder after demo.sh, and what the script printed."""
    folder = tmp_path_factory.mktemp("flights") / "demo"
    path = f"{program.PROGRAM.parent}:{os.environ['PATH']}"
    ended = subprocess.run([EXAMPLE / "demo.sh", folder, DATA], env=program.environment({"PATH": path}), text=True,
                           capture_output=True, stdin=subprocess.DEVNULL, timeout=DEMO_SECONDS)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return folder, ended.stdout


def answer(folder, *words):
    return program.run(*words, "-o", "json", cwd=folder).json()


def test_says_what_happened(demo):
    _, said = demo
    for step in ("ingest", "check", "stage prepare", "stage train", "track", "register", "gate", "serve", "watch"):
        assert re.search(rf"ok +{step}", said), step
    assert "3,000,000 rows" in said and "Next:" in said and "\x1b[2K" not in said


def test_data_was_checked(demo):
    folder, _ = demo
    checks = answer(folder, "data", "checks")["items"]
    report = checks[-1]["report"]
    assert report["passed"] and report["row_count"] == 3_000_000 and len(report["results"]) >= 10


def test_models_are_good_and_gated(demo):
    folder, _ = demo
    versions = answer(folder, "models", "list", "delay")["items"]
    assert len(versions) >= 2
    first = answer(folder, "models", "show", "delay", "1")
    assert first["gate"]["admitted"] and first["gate"]["candidate_metrics"]["auc"] > 0.70
    (champion,) = [version for version in versions if "champion" in version["aliases"]]
    assert champion["version"] > 1, "the drift replaced the first version"
    runs = answer(folder, "runs", "list", "--limit", "1000")["items"]
    assert len(runs) >= 8 and all(run["metrics"]["auc"] > 0.65 and run["datasets"] for run in runs)


def test_replay_met_drift_and_reaction(demo):
    folder, _ = demo
    endpoint = answer(folder, "endpoints", "show", "delay")
    assert endpoint["predictions"] >= 100_000 and endpoint["labels"] >= 100_000
    live = [d for d in endpoint["deployments"] if d["traffic_percent"] == 100]
    assert [d["state"] for d in live] == ["stable"] and live[0]["version"] > 1
    reports = answer(folder, "monitors", "report", "delay")["items"]
    assert len({report["start"] for report in reports}) >= 7 and any(report["findings"] for report in reports)
    assert all(report["performance"] for report in reports if report["judged"])
    jobs = answer(folder, "jobs", "list")["items"]
    assert any("drift" in job["payload"]["reason"] and job["state"] == "succeeded" for job in jobs)


def test_pages_and_pictures(demo):
    folder, said = demo
    page = (folder / "report.html").read_text()
    assert page.count("<svg") >= 2 and "origin_late_4h" in page
    assert xml.parse(folder / "explain.svg").getroot().tag.endswith("svg")
    for word in ("endpoint delay", "gate decision", "flights.parquet@", "checked by"):
        assert word in said, word


def test_broken_copy_stops_the_run(demo, tmp_path):
    """Negative distances in 1,234 rows: column, check, count and examples are named; nothing is trained."""
    folder, _ = demo
    for part in ("caisson.yaml", "dvc.yaml", "params.yaml", "sql", "checks"):
        subprocess.run(["cp", "-r", folder / part, tmp_path], check=True)
    (tmp_path / "data").mkdir()
    broken = tmp_path / "data/flights.parquet"
    duckdb.connect().execute(
        "COPY (SELECT * EXCLUDE (file_row_number) "
        "REPLACE (CASE WHEN file_row_number < 1234 THEN -distance ELSE distance END AS distance) "
        f"FROM read_parquet('{folder}/data/flights.parquet', file_row_number=true)) TO '{broken}' (FORMAT parquet)")
    ended = program.run("run", cwd=tmp_path, code=1)
    said = ended.out + ended.err
    assert "distance" in said and "1,234" in said and "checks/flights.yaml" in said and re.search(r"-\d+", said)
    assert not (tmp_path / "features").exists()
