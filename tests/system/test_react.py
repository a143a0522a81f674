"""Drift is found, a version is trained on the newer window, tried, and promoted, with nobody's hand on it."""

import json
import subprocess

import pytest

from support import program, project

INFER = "/v2/models/purchase/infer"


def git(folder, *words) -> str:
    return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main",
                           *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def reacted(template, tmp_path_factory):
    """A project whose second version was promoted, and the server that did it."""
    folder = project.copy(template, tmp_path_factory.mktemp("reacted"))
    (folder / ".gitignore").write_text("/caisson-data\n/features\n/model\n/data/visits.parquet\n*.log\n*.json\n/replay.parquet\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "A project")
    program.run("run", cwd=folder)
    with program.serving(folder) as server:
        replayed = program.run("endpoints", "replay", "purchase", "--file", "replay.parquet", "--time", "time", "--target",
                               "bought", "-o", "json", cwd=folder).json()
        assert replayed["failed"] == 0
        server.first_prediction = replayed["first_prediction_id"]
        server.late_predictions = []

        def promoted():
            # The canary moves on with traffic, so somebody has to ask.
            for i in range(50):
                answer = server.post(INFER, project.infer_body([3.0, 12.0, float(i % 2), 8.0], event_time=1708819200000))
                server.late_predictions.append((answer["parameters"]["prediction_id"], answer.get("model_version")))
            live = [d for d in server.get("/api/v1/endpoints/purchase")["deployments"] if d["state"] == "stable"]
            return live[0]["version"] == 2

        program.wait_for(promoted, "version 2 to be promoted", 120)
        yield server


def test_history_of_the_endpoint(reacted):
    endpoint = reacted.get("/api/v1/endpoints/purchase")
    history = [(d["version"], d["state"], d["traffic_percent"]) for d in endpoint["deployments"]]
    assert history == [(2, "stable", 100), (1, "retired", 0)]
    types = [event["type"] for event in reacted.get("/api/v1/events?limit=1000")["items"]][::-1]
    order = ["model_version.admitted", "monitor.drift_found", "model_version.admitted", "endpoint.canary_started",
             "endpoint.canary_step", "endpoint.promoted"]
    position = -1
    for wanted in order:
        position = types.index(wanted, position + 1)
    audit = [entry["action"] for entry in reacted.get("/api/v1/audit?limit=1000")["items"]]
    assert any("promot" in action for action in audit)
    assert reacted.get("/api/v1/models/purchase/versions/2")["aliases"] == ["champion"]


def test_retrain_says_what_caused_it(reacted):
    jobs = reacted.get("/api/v1/jobs")["items"]
    assert [job["state"] for job in jobs] == ["succeeded", "succeeded"]
    assert jobs[0]["payload"]["overrides"] == {"prepare.as_of": "2024-02-05"}
    assert "drift" in jobs[0]["payload"]["reason"]
    # The project's own folder is as it was.
    assert project.AS_OF in (reacted.folder / "params.yaml").read_text()
    assert git(reacted.folder, "status", "--porcelain", "--untracked-files=no") == ""


def test_gate_compared_with_the_champion(reacted):
    gate = reacted.get("/api/v1/models/purchase/versions/2")["gate"]
    assert gate["admitted"] and gate["champion_version"] == 1
    assert gate["candidate_metrics"]["auc"] > gate["champion_metrics"]["auc"] + 0.1


def test_monitor_report(reacted, tmp_path):
    reports = program.run("monitors", "report", "purchase", "-o", "json", cwd=reacted.folder).json()["items"]
    first = [report for report in reports if report["start"].startswith("2024-01-29")]
    assert [report["version"] for report in first] == [1]
    (minutes,) = [feature for feature in first[0]["features"] if feature["name"] == "minutes"]
    assert minutes["value"] > 1 and first[0]["predictions"] == 7 * project.ROWS_A_DAY
    calm = [feature["value"] for feature in first[0]["features"] if feature["name"] in ("pages", "known_customer")]
    assert max(calm) < 0.1
    assert first[0]["performance"] < first[0]["reference_performance"] - 0.05
    assert len(first[0]["findings"]) == 2
    program.run("monitors", "report", "purchase", "--html", tmp_path / "report.html", cwd=reacted.folder)
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") >= 2 and "minutes" in page
    assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page and "<script src" not in page


def test_explain_tells_the_whole_chain(reacted):
    graph = program.run("explain", "endpoint", "purchase", "-o", "json", cwd=reacted.folder).json()
    kinds = {node["kind"] for node in graph["nodes"]}
    assert {"endpoint", "deployment", "model_version", "gate_decision", "run", "stage_run", "dataset_version", "check_run",
            "job", "code_commit"} <= kinds
    names = {(node["kind"], node["name"]) for node in graph["nodes"]}
    assert ("code_commit", git(reacted.folder, "rev-parse", "HEAD")) in names
    assert ("model_version", "purchase/2") in names and ("gate_decision", "purchase/2") in names
    known = {(node["kind"], node["name"]) for node in graph["nodes"]}
    for edge in graph["edges"]:
        assert (edge["from"]["kind"], edge["from"]["name"]) in known and (edge["to"]["kind"], edge["to"]["name"]) in known
    tree = program.run("explain", "endpoint", "purchase", cwd=reacted.folder).out
    for word in ("purchase/2", "auc", "visits.parquet@", "checked by", "drift", "2024-02-05"):
        assert word in tree, word
    text = json.dumps(graph)
    version = reacted.get("/api/v1/models/purchase/versions/2")
    assert version["digest"][:12] in text and version["run_id"] in text


def test_explain_in_pictures(reacted, tmp_path):
    import xml.etree.ElementTree as xml

    program.run("explain", "endpoint", "purchase", "--format", "svg", "--out", tmp_path / "chain.svg", cwd=reacted.folder)
    svg = xml.parse(tmp_path / "chain.svg").getroot()
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join(svg.itertext())
    assert "purchase/2" in words and "visits.parquet" in words
    mermaid = program.run("explain", "endpoint", "purchase", "--format", "mermaid", cwd=reacted.folder).out
    assert mermaid.startswith("flowchart") and mermaid.count("-->") + mermaid.count("-- ") >= 10


def test_old_and_new_predictions_know_their_version(reacted):
    first = program.run("explain", "prediction", reacted.first_prediction, "-o", "json", cwd=reacted.folder).json()
    assert "purchase/1" in {node["name"] for node in first["nodes"] if node["kind"] == "model_version"}
    last = program.run("explain", "prediction", reacted.late_predictions[-1][0], "-o", "json", cwd=reacted.folder).json()
    assert "purchase/2" in {node["name"] for node in last["nodes"] if node["kind"] == "model_version"}


def test_canary_by_hand_and_back(reacted):
    """Last, since it changes the endpoint: version 1 is tried again and refused by hand."""
    program.run("endpoints", "canary", "purchase", "1", cwd=reacted.folder)
    shown = program.run("endpoints", "rollback", "purchase", "--reason", "a test", "-o", "json", cwd=reacted.folder).json()
    (newest, stable) = shown["deployments"][:2]
    assert (newest["version"], newest["state"], newest["traffic_percent"]) == (1, "rolled_back", 0)
    assert newest["reason"] == "a test" and (stable["version"], stable["traffic_percent"]) == (2, 100)
    program.run("endpoints", "rollback", "purchase", cwd=reacted.folder, code=1)
