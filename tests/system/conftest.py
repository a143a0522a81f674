"""A finished project and a server, for the tests of this folder that only look."""

import pathlib

import pytest

from support import program, project


@pytest.fixture(scope="session")
def done(template, tmp_path_factory) -> pathlib.Path:
    """A project after `caisson run`."""
    folder = project.copy(template, tmp_path_factory.mktemp("done"))
    program.run("run", cwd=folder)
    return folder


@pytest.fixture(scope="session")
def server(template, tmp_path_factory):
    """A server on a project that was run, for tests that leave it as they find it."""
    folder = project.copy(template, tmp_path_factory.mktemp("served"))
    program.run("run", cwd=folder)
    with program.serving(folder) as running:
        yield running
