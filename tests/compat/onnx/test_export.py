"""The built-in trainer's model file, before ONNX's own tools.

ONNX Runtime answers our requests, so that it cannot judge our files alone: the checker holds them
to the standard, and the reference evaluator computes them anew from its text.
"""

import json
import math
import pathlib
import random
import subprocess

import numpy
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

ROOT = pathlib.Path(__file__).resolve().parents[3]
CAISSON = ROOT / "build" / "bin" / "caisson"
FEATURES = ["x", "y", "k"]


def write_table(path: pathlib.Path, seed: int, rows: int) -> None:
    """A question that trees can answer, with missing values and wrong answers."""
    draw = random.Random(seed)
    lines = ["late,x,y,k"]
    for row in range(rows):
        x, y, k = draw.random(), draw.random(), draw.randrange(8)
        late = int((x + y * k > 3) != (row % 12 == 0))
        lines.append(f"{late},{x:.4f},{'' if row % 10 == 3 else format(y, '.4f')},{k}")
    path.write_text("\n".join(lines) + "\n")


def read_table(path: pathlib.Path) -> tuple[numpy.ndarray, numpy.ndarray]:
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    values = [[float(cell) if cell else math.nan for cell in row] for row in rows]
    table = numpy.array(values, dtype=numpy.float32)
    return table[:, 1:], table[:, 0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("training")
    write_table(folder / "train.csv", 1, 2000)
    write_table(folder / "valid.csv", 2, 600)
    (folder / "params.yaml").write_text(
        "train:\n"
        "  seed: 7\n"
        "  xgboost: {num_boost_round: 30, base_score: 0.3}\n"
        "  grid: {max_depth: [2, 5]}\n")
    subprocess.run([CAISSON, "train", "--params", "params.yaml:train",
                    "--train", "train.csv", "--valid", "valid.csv", "--target", "late",
                    "--out", "model"], cwd=folder, check=True, timeout=120)
    return folder


def test_the_file_keeps_to_the_standard(trained):
    model = onnx.load(trained / "model" / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [port.name for port in model.graph.input] == ["features"]
    assert [port.name for port in model.graph.output] == ["probability"]
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["feature_names"]) == FEATURES
    assert metadata["target"] == "late"


def test_the_reference_evaluator_gives_the_same_answers(trained):
    path = str(trained / "model" / "model.onnx")
    features, _ = read_table(trained / "valid.csv")
    ours = onnxruntime.InferenceSession(path).run(None, {"features": features})[0]
    reference = ReferenceEvaluator(path).run(None, {"features": features})[0]
    assert ours.shape == (len(features), 1)
    assert numpy.isnan(features).any()
    numpy.testing.assert_allclose(reference, ours, rtol=0, atol=1e-6)


def test_the_metrics_are_those_of_the_answers(trained):
    features, labels = read_table(trained / "valid.csv")
    session = onnxruntime.InferenceSession(str(trained / "model" / "model.onnx"))
    scores = session.run(None, {"features": features})[0][:, 0].astype(float)
    metrics = json.loads((trained / "model" / "metrics.json").read_text())
    positive, negative = scores[labels == 1], scores[labels == 0]
    wins = (positive[:, None] > negative).mean() + (positive[:, None] == negative).mean() / 2
    likelihood = numpy.where(labels == 1, scores, 1 - scores)
    assert metrics["auc"] == pytest.approx(wins, abs=1e-9)
    assert metrics["logloss"] == pytest.approx(-numpy.log(likelihood).mean(), abs=1e-6)
    assert metrics["brier"] == pytest.approx(((scores - labels) ** 2).mean(), abs=1e-6)
    assert metrics["base_rate"] == pytest.approx(labels.mean())
    assert metrics["rows"] == 600
    assert metrics["auc"] > 0.8
