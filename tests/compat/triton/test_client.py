"""tritonclient.http as it comes: health, metadata, inference in JSON and binary, errors."""

import numpy
import pytest
import tritonclient.http
from tritonclient.utils import InferenceServerException

from support import program

MODEL = "purchase"
ROWS = numpy.array([[3, 4.5, 1, 12], [1, 9.5, 0, 3], [7, 0.5, 1, 23]], dtype=numpy.float32)


def features(rows, binary: bool, datatype: str = "FP32", name: str = "features"):
    tensor = tritonclient.http.InferInput(name, list(rows.shape), datatype)
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return [tensor]


def output_name(client) -> str:
    return client.get_model_metadata(MODEL)["outputs"][0]["name"]


def test_health(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "1")
    assert not client.is_model_ready("nobody") and not client.is_model_ready(MODEL, "7")


def test_metadata(client):
    server = client.get_server_metadata()
    assert server["name"] == "caisson" and "binary_tensor_data" in server["extensions"]
    model = client.get_model_metadata(MODEL)
    assert model["inputs"] == [{"name": "features", "datatype": "FP32", "shape": [-1, 4]}]
    assert model["outputs"][0]["datatype"] == "FP32" and model["versions"] == ["1"]
    config = client.get_model_config(MODEL)
    assert config["input"][0]["data_type"] == "TYPE_FP32" and config["name"] == MODEL
    (listed,) = [entry for entry in client.get_model_repository_index() if entry["name"] == MODEL]
    assert listed["state"] == "READY"


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_infer(binary_in, binary_out, client):
    """All four ways give the very same floats."""
    name = output_name(client)
    wanted = [tritonclient.http.InferRequestedOutput(name, binary_data=binary_out)]
    answer = client.infer(MODEL, features(ROWS, binary_in), outputs=wanted, request_id="r-1")
    scores = answer.as_numpy(name)
    assert scores.dtype == numpy.float32 and scores.shape[0] == 3 and ((scores > 0) & (scores < 1)).all()
    alone = [client.infer(MODEL, features(row[None, :], True)).as_numpy(name).ravel()[0] for row in ROWS]
    assert scores.ravel().tolist() == alone
    assert answer.get_response()["id"] == "r-1"


def test_no_outputs_named_gives_all(client):
    answer = client.infer(MODEL, features(ROWS, True))
    assert [output["name"] for output in answer.get_response()["outputs"]] == [output_name(client)]


def test_version_and_parameters(client, server):
    answer = client.infer(MODEL, features(ROWS, True), model_version="1", parameters={"event_time": 1704067200000})
    assert answer.get_response()["model_version"] == "1"
    prediction = answer.get_response()["parameters"]["prediction_id"]
    assert "2024-01-01" in program.run("explain", "prediction", prediction, cwd=server.folder).out


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compression_both_ways(algorithm, client):
    rows = numpy.tile(ROWS, (400, 1))
    answer = client.infer(MODEL, features(rows, True), request_compression_algorithm=algorithm,
                          response_compression_algorithm=algorithm)
    plain = client.infer(MODEL, features(rows, True))
    name = output_name(client)
    assert (answer.as_numpy(name) == plain.as_numpy(name)).all() and answer.as_numpy(name).shape[0] == 1200


def test_many_at_once(client):
    name = output_name(client)
    wanted = client.infer(MODEL, features(ROWS, True)).as_numpy(name)
    pending = [client.async_infer(MODEL, features(ROWS, i % 2 == 0), request_id=str(i)) for i in range(64)]
    for i, request in enumerate(pending):
        answer = request.get_result()
        assert (answer.as_numpy(name) == wanted).all() and answer.get_response()["id"] == str(i)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("rows, datatype, name, said", [
    (ROWS.astype(numpy.float64), "FP64", "features", ["FP64", "FP32"]),
    (ROWS[:, :3], "FP32", "features", ["[3,3]", "4"]),
    (ROWS, "FP32", "feature", ["feature", "features"]),
    (ROWS[0], "FP32", "features", ["[4]"]),
])
def test_wrong_tensors(rows, datatype, name, said, binary, client):
    rows = numpy.ascontiguousarray(rows)
    with pytest.raises(InferenceServerException) as raised:
        client.infer(MODEL, features(rows, binary, datatype, name))
    assert raised.value.status() == "400"
    message = raised.value.message().replace(" ", "")
    for word in said:
        assert word in message, message


def test_unknown_names(client):
    for call in (lambda: client.infer("nobody", features(ROWS, True)),
                 lambda: client.infer(MODEL, features(ROWS, True), model_version="7"),
                 lambda: client.get_model_metadata("nobody")):
        with pytest.raises(InferenceServerException) as raised:
            call()
        assert raised.value.status() == "404"
    with pytest.raises(InferenceServerException, match="nothing"):
        client.infer(MODEL, features(ROWS, True), outputs=[tritonclient.http.InferRequestedOutput("nothing")])
