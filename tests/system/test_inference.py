"""Answers over HTTP: the Open Inference Protocol, ids, labels, errors, and the pages beside it."""

import json

import pytest
import requests

from support import program, project

INFER = "/v2/models/purchase/infer"
ROW = [3.0, 4.5, 1.0, 12.0]


def test_metadata(server):
    metadata = server.get("/v2/models/purchase")
    assert metadata["name"] == "purchase" and metadata["versions"] == ["1"]
    assert metadata["inputs"] == [{"name": "features", "datatype": "FP32", "shape": [-1, len(project.FEATURES)]}]
    assert server.get("/v2/models/purchase/ready")["ready"] is True
    assert server.get("/v2")["name"] == "caisson"


def test_every_answer_has_an_id_that_explains_itself(server):
    answer = server.post(INFER, project.infer_body(ROW))
    (score,) = answer["outputs"][0]["data"]
    assert 0 < score < 1
    prediction = answer["parameters"]["prediction_id"]
    for form, start in (("tree", "prediction "), ("mermaid", "flowchart"), ("svg", "<svg")):
        out = program.run("explain", "prediction", prediction, "--format", form, cwd=server.folder).out
        assert out.lstrip().startswith(start) and "purchase/1" in out
    graph = program.run("explain", "prediction", prediction, "-o", "json", cwd=server.folder).json()
    kinds = {node["kind"] for node in graph["nodes"]}
    assert {"prediction", "deployment", "model_version", "gate_decision", "run", "stage_run", "dataset_version",
            "check_run", "job"} <= kinds


def test_batch_gives_an_id_a_row(server):
    rows = [[float(pages), 2.0, 0.0, 9.0] for pages in range(1, 21)]
    body = {"id": "batch-1", "inputs": [{"name": "features", "datatype": "FP32", "shape": [20, 4], "data": rows}]}
    answer = server.post(INFER, body)
    assert answer["id"] == "batch-1" and len(answer["outputs"][0]["data"]) == 20
    first = answer["parameters"]["prediction_id"]
    last = first.rpartition("-")[0] + "-13"
    program.run("explain", "prediction", last, cwd=server.folder)
    program.run("explain", "prediction", first.rpartition("-")[0] + "-14", cwd=server.folder, code=5)


def test_labels_are_counted(server):
    before = server.get("/api/v1/endpoints/purchase")
    ids = [server.post(INFER, project.infer_body(ROW))["parameters"]["prediction_id"] for _ in range(5)]
    labels = [{"id": prediction, "label": i % 2} for i, prediction in enumerate(ids)]
    assert server.post("/api/v1/endpoints/purchase/labels", {"labels": labels}) == {"accepted": 5}
    after = server.get("/api/v1/endpoints/purchase")
    assert after["labels"] - before["labels"] == 5 and after["predictions"] - before["predictions"] == 5


@pytest.mark.parametrize("body, said", [
    ({"inputs": [{"name": "feature", "datatype": "FP32", "shape": [1, 4], "data": ROW}]}, ["feature", "features"]),
    ({"inputs": [{"name": "features", "datatype": "INT64", "shape": [1, 4], "data": [1, 2, 3, 4]}]}, ["INT64", "FP32"]),
    ({"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]}, ["3", "4"]),
    ({"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 4], "data": [1, 2]}]}, ["features", "2"]),
    ({"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 4], "data": ["a", "b", "c", "d"]}]}, ["features"]),
    ({"inputs": [{"name": "features", "datatype": "FP32", "shape": [-1, 4], "data": ROW}]}, ["-1"]),
    ({"inputs": [{"name": "features", "datatype": "FP33", "shape": [1, 4], "data": ROW}]}, ["FP33"]),
    ({"inputs": []}, ["input"]),
    ({}, ["inputs"]),
    ([], []),
])
def test_wrong_tensors_are_named(body, said, server):
    answer = server.request("POST", INFER, json=body)
    assert answer.status_code == 400
    message = answer.json()["error"]
    for word in said:
        assert word in message


@pytest.mark.parametrize("data, said", [
    ("{", "error"),
    ("", "error"),
    ("\x00\xff", "error"),
    ('{"inputs": [' + "[" * 200_000 + "]" * 200_000 + "]}", "error"),
    ('{"a":' * 100_000 + "1" + "}" * 100_000, "error"),
])
def test_malformed_bodies(data, said, server):
    answer = server.request("POST", INFER, data=data.encode("latin-1"), headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and said in answer.json()
    assert server.request("GET", "/livez").status_code == 200


@pytest.mark.parametrize("path, limit", [(INFER, 64 << 20), ("/api/v1/endpoints/purchase/labels", 32 << 20)])
def test_oversize_bodies(path, limit, server):
    """The announced length is enough to be refused: none of the body is sent."""
    url = server.url + path
    request = requests.Request("POST", url, headers={"Content-Length": str(limit + 1)}).prepare()
    request.headers["Content-Length"] = str(limit + 1)
    with requests.Session() as session:
        answer = session.send(request, timeout=30)
    assert answer.status_code == 413
    assert "error" in answer.json()


def test_unknown_model_and_version(server):
    unknown = server.request("POST", "/v2/models/purchas/infer", json=project.infer_body(ROW))
    assert unknown.status_code == 404 and "purchase" in unknown.json()["error"]
    assert server.request("POST", "/v2/models/purchase/versions/9/infer", json=project.infer_body(ROW)).status_code == 404
    assert server.request("GET", "/v2/models/purchas").status_code == 404


def test_bad_labels_are_named(server):
    path = "/api/v1/endpoints/purchase/labels"
    for body in ({"labels": [{"id": 3, "label": 1}]}, {"labels": "x"}, {"labls": []}, [], {"labels": [{"id": "nope", "label": 1}]}):
        answer = server.request("POST", path, json=body)
        assert answer.status_code in (400, 404), (body, answer.text)
        assert answer.json()["error"]["message"]


def test_pages_for_operators(server):
    assert server.request("GET", "/livez").text == "ok\n"
    ready = server.get("/readyz")
    assert ready["ready"] is True and set(ready["components"].values()) == {"ok"}
    metrics = server.request("GET", "/metrics").text
    for name in ("caisson_predictions_total", "caisson_http_requests_total", "process_resident_memory_bytes"):
        assert f"\n{name}" in metrics
    assert server.get("/api/v1/version")["name"] == "caisson"
    assert server.request("GET", "/version").status_code == 200


def test_openapi_describes_what_is_served(server):
    document = server.get("/openapi.json")
    assert document["openapi"].startswith("3.")
    assert len(document["paths"]) > 50
    assert {"/v2/models/{model}/infer", "/api/v1/endpoints/{endpoint}", "/livez"} <= set(document["paths"])
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict) and method in ("get", "post", "put", "delete", "patch"):
                assert operation["responses"], (method, path)
    for path, operations in document["paths"].items():
        if "get" in operations and "{" not in path and not path.startswith("/api/2.0"):
            assert server.request("GET", path).status_code != 404, path


def test_unknown_path_and_method(server):
    missing = server.request("GET", "/api/v1/nothing")
    assert missing.status_code == 404 and missing.json()["error"]["code"] == "not_found"
    wrong = server.request("DELETE", "/livez")
    assert wrong.status_code == 405 and "GET" in wrong.headers["Allow"]


def test_replay_counts_and_explains(fresh):
    program.run("run", cwd=fresh)
    with program.serving(fresh) as server:
        replayed = program.run("endpoints", "replay", "purchase", "--file", "replay.parquet", "--time", "time", "--target",
                               "bought", "--every", "20", "-o", "json", cwd=fresh).json()
        assert (replayed["predictions"], replayed["labels"], replayed["failed"]) == (420, 420, 0)
        endpoint = server.get("/api/v1/endpoints/purchase")
        assert (endpoint["predictions"], endpoint["labels"]) == (420, 420)
        assert endpoint["first_event_time"].startswith("2024-01-29")
        for which in ("first_prediction_id", "last_prediction_id"):
            program.run("explain", "prediction", replayed[which], cwd=fresh)
    # Without a server there is nobody to send to.
    program.run("endpoints", "replay", "purchase", "--file", "replay.parquet", "--time", "time", cwd=fresh, code=3)


def test_json_numbers_survive(server):
    """What goes in as a float comes out of the log the same; NaN travels as null."""
    answer = server.request("POST", INFER, data=json.dumps(project.infer_body([1.5, None, 0.25, 1e-3])))
    assert answer.status_code == 200, answer.text
    prediction = answer.json()["parameters"]["prediction_id"]
    graph = program.run("explain", "prediction", prediction, "-o", "json", cwd=server.folder).json()
    (node,) = [node for node in graph["nodes"] if node["kind"] == "prediction"]
    assert "1.5" in json.dumps(node)
