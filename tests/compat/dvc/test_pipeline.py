"""One pipeline that `caisson run` and `dvc repro` take turns on: each finds done what the other did."""

import shutil

import pytest

from support import project

CLEAN = "Data and pipelines are up to date.\n"


@pytest.fixture
def visits(plain, tmp_path):
    """The small project after `caisson run`."""
    project.copy(project.make_data(project.write(tmp_path / "made")), plain.folder)
    plain.caisson("run")
    return plain


def done(repository) -> list[str]:
    """The stages that ran to their end, in order; each adds its name."""
    return (repository.folder / "stages.log").read_text().split()


def test_what_caisson_ran_is_up_to_date_for_dvc(visits):
    assert done(visits) == ["prepare", "train"]
    lock = (visits.folder / "dvc.lock").read_bytes()
    assert visits.dvc("status") == CLEAN
    dry = visits.dvc("repro", "--dry")
    assert dry.count("didn't change, skipping") == 3 and "Running stage" not in dry
    visits.dvc("repro")
    assert done(visits) == ["prepare", "train"]
    assert (visits.folder / "dvc.lock").read_bytes() == lock


def test_what_dvc_ran_is_up_to_date_for_caisson(visits):
    project.edit(visits.folder, "params.yaml", "num_boost_round: 15", "num_boost_round: 20")
    assert "train" in visits.dvc("status") and "prepare" not in visits.dvc("status")
    visits.dvc("repro", "-q")
    assert done(visits) == ["prepare", "train", "train"]
    lock = (visits.folder / "dvc.lock").read_bytes()
    visits.caisson("run")
    assert done(visits) == ["prepare", "train", "train"]
    assert (visits.folder / "dvc.lock").read_bytes() == lock
    assert visits.dvc("status") == CLEAN


def test_the_run_cache_is_shared(visits):
    for name in ("dvc.lock", "features", "model"):
        path = visits.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    said = visits.dvc("repro")
    assert said.count("is cached - skipping run") == 2, said
    assert done(visits) == ["prepare", "train"]
    # And back: dvc remembers a second set of parameters, caisson finds it.
    project.edit(visits.folder, "params.yaml", "num_boost_round: 15", "num_boost_round: 20")
    visits.dvc("repro", "-q")
    project.edit(visits.folder, "params.yaml", "num_boost_round: 20", "num_boost_round: 15")
    visits.caisson("run")
    project.edit(visits.folder, "params.yaml", "num_boost_round: 15", "num_boost_round: 20")
    visits.caisson("run")
    assert done(visits) == ["prepare", "train", "train"]
    assert visits.dvc("status") == CLEAN
