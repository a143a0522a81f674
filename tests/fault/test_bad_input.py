"""Mistakes in files get an answer that names the file, the place, the value and what is accepted."""

import pathlib

import duckdb
import pytest

from support import program, project


def write(folder: pathlib.Path, path: str, text: str) -> None:
    (folder / path).write_text(text)


def refused(folder, *words, code=None):
    """A command that must fail without a crash and without work: returns what it said."""
    ended = program.run(*words, cwd=folder, code=None, seconds=60)
    assert ended.code in (1, 2, 5, 6), (ended.code, ended.err)
    if code is not None:
        assert ended.code == code, ended.err
    assert "error: " in ended.err
    return ended.out + ended.err


@pytest.mark.parametrize("path, old, new, said", [
    ("caisson.yaml", "project: visits", "project: [visits", ["caisson.yaml:2:"]),
    ("caisson.yaml", "    window: 7d", "   window: 7d\n    x: 1", ["caisson.yaml:"]),
    ("caisson.yaml", "  purchase:\n    from", "\tpurchase:\n    from", ["caisson.yaml:"]),
    ("caisson.yaml", "project: visits", "project: visits\nproject: again", ["caisson.yaml:2", "project"]),
    ("caisson.yaml", "monitors:", "monitor:", ["caisson.yaml", "'monitor'", "monitors"]),
    ("caisson.yaml", "    window: 7d", "    windw: 7d", ["caisson.yaml", "windw", "window"]),
    ("caisson.yaml", "threshold: 0.25", "threshold: high", ["threshold", "high"]),
    ("caisson.yaml", "threshold: 0.25", "threshold: -1", ["threshold", "-1"]),
    ("caisson.yaml", "method: psi", "method: pis", ["pis", "psi"]),
    ("caisson.yaml", "window: 7d", "window: 7 parsecs", ["window", "7 parsecs"]),
    ("caisson.yaml", "steps: [20, 60]", "steps: [60, 20]", ["steps"]),
    ("caisson.yaml", "steps: [20, 60]", "steps: [0, 200]", ["steps"]),
    ("caisson.yaml", "auc >= 0.6,", "auc => 0.6,", ["auc => 0.6"]),
    ("caisson.yaml", "auc >= 0.6,", "auc >= lots,", ["lots"]),
    ("caisson.yaml", "from: train", "from: trian", ["trian", "train"]),
    ("caisson.yaml", "purchase@champion", "purchas@champion", ["purchas", "purchase"]),
    ("caisson.yaml", "  purchase:\n    window", "  purchse:\n    window", ["purchse", "purchase"]),
    ("caisson.yaml", "checks/visits.yaml", "checks/visit.yaml", ["checks/visit.yaml"]),
    ("caisson.yaml", "data/visits.parquet", "data/visit.parquet", ["data/visit.parquet"]),
    ("caisson.yaml", "pipeline: dvc.yaml", "pipeline: dvd.yaml", ["dvd.yaml"]),
    ("caisson.yaml", "target: bought", "target: brought", ["brought"]),
    ("dvc.yaml", "stages:", "stages: {", ["dvc.yaml:"]),
    ("dvc.yaml", "    outs: [model]", "    outs: [model]\n    otus: [x]", ["dvc.yaml", "otus", "outs"]),
    ("dvc.yaml", "deps: [data/visits.parquet, sql/prepare.sql]", "deps: [data/visits.parquet, sql/prepare.sql, model]",
     ["prepare -> train -> prepare", "circle"]),
    ("dvc.yaml", "outs: [model]", "outs: [model, features/train.parquet]", ["features/train.parquet", "prepare", "train"]),
    ("dvc.yaml", "sql/prepare.sql]", "sql/prepared.sql]", ["sql/prepared.sql", "prepare"]),
    ("dvc.yaml", "params: [train]", "params: [trains]", ["trains", "params.yaml"]),
    ("dvc.yaml", "outs: [model]", "outs: [model, never_made]", ["never_made", "train"]),
    ("params.yaml", "train:\n", "train: {\n", ["params.yaml:"]),
    ("params.yaml", "num_boost_round: 15", "num_boost_rounds: 15", ["num_boost_rounds", "num_boost_round"]),
    ("params.yaml", "num_boost_round: 15", "num_boost_round: -3", ["num_boost_round", "-3"]),
    ("params.yaml", "metric: auc", "metric: acu", ["acu", "auc"]),
    ("checks/visits.yaml", "table:", "table: [", ["checks/visits.yaml:"]),
    ("checks/visits.yaml", "  - not_null\n  pages", "  - not_nil\n  pages", ["not_nil", "not_null"]),
    ("checks/visits.yaml", "  minutes:", "  minuets:", ["minuets", "minutes"]),
    ("sql/prepare.sql", "CREATE VIEW train", "CREATE VEIW train", ["sql/prepare.sql", "VEIW"]),
    ("sql/prepare.sql", "CREATE VIEW valid", "CREATE VIEW invalid", ["valid"]),
])
def test_mistakes_in_a_project(path, old, new, said, fresh):
    project.edit(fresh, path, old, new)
    text = refused(fresh, "run")
    for word in said:
        assert word in text, text
    assert program.run("models", "list", "-o", "json", cwd=fresh).json()["items"] == []


def test_yaml_that_grows_without_end(fresh):
    """Aliases of aliases: two hundred bytes that stand for a billion values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    write(fresh, "caisson.yaml", "\n".join(lines) + "\n")
    assert "caisson.yaml" in refused(fresh, "plan")


def test_yaml_that_is_deep(fresh):
    write(fresh, "caisson.yaml", "project: " + "[" * 100_000 + "]" * 100_000 + "\n")
    assert "caisson.yaml" in refused(fresh, "plan")


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\xff\xfe\x00project", b"- a\n- b\n", b"null\n", b"project: \x80\n"])
def test_project_files_that_are_none(content, fresh):
    (fresh / "caisson.yaml").write_bytes(content)
    assert "caisson.yaml" in refused(fresh, "run")


def test_no_project_here(tmp_path):
    text = refused(tmp_path, "run", code=5)
    assert "caisson.yaml" in text and "caisson init" in text


@pytest.mark.parametrize("how", ["truncated", "garbled", "empty", "text"])
def test_parquet_that_is_damaged(how, fresh):
    data = fresh / "data/visits.parquet"
    content = bytearray(data.read_bytes())
    if how == "truncated":
        content = content[:len(content) // 2]
    elif how == "garbled":
        content[-600:-8] = bytes(592)
    elif how == "empty":
        content = bytearray()
    else:
        content = bytearray(b"time,pages\n1,2\n")
    data.write_bytes(content)
    ended = program.run("run", cwd=fresh, code=1)
    assert "visits.parquet" in ended.err + ended.out
    program.run("data", "check", "data/visits.parquet", "--suite", "checks/visits.yaml", cwd=fresh, code=None)


@pytest.mark.parametrize("value, said", [("NULL", "null"), ("2", "2"), ("-1", "-1")])
def test_target_that_is_none(value, said, fresh):
    """A target that is missing or not 0 or 1 stops the training, which names column, count and row."""
    project.edit(fresh, "sql/prepare.sql", "CAST(bought AS TINYINT)",
                 f"CAST(CASE WHEN pages = 7 THEN {value} ELSE bought END AS TINYINT)")
    text = refused(fresh, "run", code=1).lower()
    (count,) = duckdb.connect().execute(f"SELECT count(*) FROM '{fresh}/features/train.parquet' WHERE pages = 7").fetchone()
    assert "bought" in text and str(count) in text and said in text, text


def test_target_that_is_not_a_number(fresh):
    project.edit(fresh, "sql/prepare.sql", "CAST(bought AS TINYINT) AS bought",
                 "CAST(CASE WHEN pages = 7 THEN 'nan'::FLOAT ELSE bought END AS FLOAT) AS bought")
    text = refused(fresh, "run", code=1)
    assert "bought" in text and "train" in text


def test_feature_that_is_infinite(fresh):
    project.edit(fresh, "sql/prepare.sql", "CAST(minutes AS FLOAT) AS minutes",
                 "CAST(CASE WHEN pages = 7 THEN 'inf'::FLOAT ELSE minutes END AS FLOAT) AS minutes")
    assert "minutes" in refused(fresh, "run", code=1)


def test_stage_that_fails_shows_what_it_said(fresh):
    project.edit(fresh, "dvc.yaml", "&& echo train >> stages.log", "&& echo out of coffee >&2 && exit 7")
    text = refused(fresh, "run", code=1)
    assert "out of coffee" in text and "train" in text and "7" in text
    assert "train" not in (fresh / "stages.log").read_text()
    project.edit(fresh, "dvc.yaml", "&& echo out of coffee >&2 && exit 7", "&& echo train >> stages.log")
    program.run("run", cwd=fresh)
    assert (fresh / "stages.log").read_text().split() == ["prepare", "train"]


@pytest.mark.parametrize("content", ["not a model", "", "\x08\x07\x12\x04junk"])
def test_onnx_file_that_is_none(content, fresh):
    project.edit(fresh, "dvc.yaml", "&& echo train >> stages.log", "&& cp ../junk model/model.onnx")
    (fresh.parent / "junk").write_text(content)
    text = refused(fresh, "run", code=1)
    assert "model.onnx" in text, text
    assert program.run("endpoints", "list", "-o", "json", cwd=fresh).json()["items"] == []


def test_dvc_lock_that_is_damaged(fresh):
    program.run("run", cwd=fresh)
    lock = fresh / "dvc.lock"
    lock.write_text(lock.read_text()[:200] + "\n  }{")
    assert "dvc.lock:" in refused(fresh, "run")
