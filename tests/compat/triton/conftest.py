"""A server with a served model, and NVIDIA's client pointed at it."""

import pytest
import tritonclient.http

from support import program


@pytest.fixture(scope="session")
def server(template):
    program.run("run", cwd=template)
    with program.serving(template) as running:
        yield running


@pytest.fixture(scope="session")
def client(server):
    with tritonclient.http.InferenceServerClient(server.ready["http"], concurrency=4) as made:
        yield made
