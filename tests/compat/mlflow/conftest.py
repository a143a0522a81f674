"""A server of our own for the tests of this folder, and MLflow's client pointed at it.

The program is build/bin/caisson; MLFLOW_TEST_SERVER names another command, which gets `--data DIR --ready-file F`.
"""

import json
import os
import pathlib
import shlex
import signal
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
START_SECONDS = 20

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_ENABLE_ASYNC_LOGGING", "false")


def server_command(folder: pathlib.Path, ready: pathlib.Path) -> list[str]:
    command = os.environ.get("MLFLOW_TEST_SERVER", f"{ROOT}/build/bin/caisson up --http 127.0.0.1:0")
    return [*shlex.split(command), "--data", str(folder), "--ready-file", str(ready)]


class Server:
    """A running server and its folder. Restarting keeps the folder."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.process = None
        self.start()

    def start(self):
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        data = self.folder / "data"
        self.process = subprocess.Popen(server_command(data, ready), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            assert self.process.poll() is None, "the server ended before it was ready"
            assert time.monotonic() < deadline, "the server was not ready in time"
            time.sleep(0.02)
        self.uri = "http://" + json.loads(ready.read_text())["http"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture(scope="session")
def server():
    with tempfile.TemporaryDirectory(prefix="caisson-mlflow-") as folder:
        running = Server(pathlib.Path(folder))
        yield running
        running.stop()


@pytest.fixture
def mlflow(server):
    import mlflow as module

    module.set_tracking_uri(server.uri)
    module.set_registry_uri(server.uri)
    yield module
    while module.active_run():
        module.end_run()


@pytest.fixture
def client(mlflow):
    return mlflow.MlflowClient()


@pytest.fixture
def experiment(mlflow, request):
    return mlflow.set_experiment(request.node.name).experiment_id
