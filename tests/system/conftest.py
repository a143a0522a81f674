"""Projects and servers for the tests of this folder."""

import pathlib

import pytest

from support import program, project


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> pathlib.Path:
    """The small project with its data, never run."""
    return project.make_data(project.write(tmp_path_factory.mktemp("template")))


@pytest.fixture
def fresh(template, tmp_path) -> pathlib.Path:
    """A project of the test's own, not run yet."""
    return project.copy(template, tmp_path / "project")


@pytest.fixture(scope="session")
def done(template, tmp_path_factory) -> pathlib.Path:
    """A project after `caisson run`, for tests that only look."""
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
