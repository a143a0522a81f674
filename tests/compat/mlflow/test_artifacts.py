"""Artifacts through the proxy: odd names, large files, ranges, and paths that try to get out."""

import hashlib
import os
import urllib.error
import urllib.request

import pytest


def test_artifacts_of_every_kind(mlflow, client, experiment, tmp_path):
    names = ["plain.txt", "with space.txt", "schön.json", "a#b.txt", "100%.txt", "deep/er/still.bin", "plus+and&.txt"]
    allowed = [name for name in names if "#" not in name]
    with mlflow.start_run() as run:
        for name in allowed:
            path = tmp_path / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        mlflow.log_artifacts(tmp_path / "in")
    target = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=tmp_path / "out")
    found = sorted(os.path.relpath(os.path.join(folder, file), target) for folder, _, files in os.walk(target) for file in files)
    assert found == sorted(allowed)
    for name in allowed:
        assert (tmp_path / "out" / name).read_text() == name


def test_a_large_file_comes_back_whole(mlflow, experiment, tmp_path):
    big = tmp_path / "big.bin"
    digest = hashlib.sha256()
    with open(big, "wb") as file:
        for index in range(64):
            chunk = index.to_bytes(4, "little") * (1 << 18)
            digest.update(chunk)
            file.write(chunk)
    with mlflow.start_run() as run:
        mlflow.log_artifact(big)
    path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="big.bin", dst_path=tmp_path / "back")
    with open(path, "rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest.hexdigest()


def test_ranges(mlflow, experiment, server):
    with mlflow.start_run() as run:
        mlflow.log_text("0123456789", "digits.txt")
    url = f"{server.uri}/get-artifact?run_id={run.info.run_id}&path=digits.txt"
    request = urllib.request.Request(url, headers={"Range": "bytes=3-5"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 206
        assert answer.read() == b"345"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["..%2f..%2fcaisson.db", "%2e%2e/metrics.db", "x/%252e%252e/%252e%252e/y", "%2Fetc%2Fpasswd"])
def test_nothing_outside_is_served(server, path):
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{server.uri}/api/2.0/mlflow-artifacts/artifacts/{path}")
    assert error.value.code in (400, 404)
