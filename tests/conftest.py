"""Projects for the black-box tests: made once a session, copied for whoever changes them."""

import pathlib

import pytest

from support import project


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> pathlib.Path:
    """The small project with its data, never run."""
    return project.make_data(project.write(tmp_path_factory.mktemp("template")))


@pytest.fixture
def fresh(template, tmp_path) -> pathlib.Path:
    """A project of the test's own, not run yet."""
    return project.copy(template, tmp_path / "project")
