"""`caisson run` and `caisson plan`: from raw data to an admitted version, once and again."""

import hashlib
import pathlib
import re

import duckdb

from support import program, project

STAGES = ["prepare", "train"]


def states(lines: list) -> dict[str, str]:
    """The last word about each step."""
    return {line["step"]: line["state"] for line in lines if line.get("state", "output") != "output"}


def run_json(folder: pathlib.Path, *words) -> dict[str, str]:
    return states(program.run("run", "-o", "json", *words, cwd=folder).json_lines())


def stage_log(folder: pathlib.Path) -> list[str]:
    return (folder / "stages.log").read_text().split()


def test_first_run_makes_everything(done):
    version = program.run("models", "show", "purchase", "1", "-o", "json", cwd=done).json()
    assert version["aliases"] == ["champion"]
    assert {"model.onnx", "reference.json", "signature.json", "metrics.json"} <= {f["path"] for f in version["files"]}
    gate = version["gate"]
    assert gate["admitted"] and len(gate["lines"]) == 3 and all(line["passed"] for line in gate["lines"])
    assert 0.8 < gate["candidate_metrics"]["auc"] < 0.95

    runs = program.run("runs", "list", "-o", "json", cwd=done).json()["items"]
    assert sorted(run["params"]["max_depth"] for run in runs) == ["2", "3"]
    best = max(runs, key=lambda run: run["metrics"]["auc"])
    assert version["run_id"] == best["run_id"]
    assert version["gate"]["candidate_metrics"]["auc"] == best["metrics"]["auc"]
    assert all(run["status"] == "FINISHED" and run["datasets"] for run in runs)

    dataset = program.run("data", "list", "-o", "json", cwd=done).json()["items"][0]
    digest = hashlib.md5((done / "data/visits.parquet").read_bytes()).hexdigest()
    assert dataset["md5"] == digest and dataset["rows"] == project.ROWS_A_DAY * project.DAYS
    assert digest in (done / "data/visits.parquet.dvc").read_text()
    check = program.run("data", "checks", "-o", "json", cwd=done).json()["items"][0]
    assert check["passed"] and check["dataset"] == dataset["name"]

    endpoint = program.run("endpoints", "show", "purchase", "-o", "json", cwd=done).json()
    assert [(d["version"], d["traffic_percent"]) for d in endpoint["deployments"]] == [(1, 100)]
    monitor = program.run("monitors", "list", "-o", "json", cwd=done).json()["items"][0]
    assert monitor["endpoint"] == "purchase" and monitor["spec"]["drift"]["threshold"] == 0.25


def test_files_of_a_version_are_what_training_left(done):
    version = program.run("models", "show", "purchase", "1", "-o", "json", cwd=done).json()
    for file in version["files"]:
        content = (done / "model" / file["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size"], file["sha256"])


def test_plan_changes_nothing_and_says_what_would(fresh):
    plan = program.run("plan", "-o", "json", cwd=fresh).json()
    assert [(item["name"], item["action"]) for item in plan["stages"]] == [(stage, "run") for stage in STAGES]
    assert [item["action"] for item in plan["data"] + plan["endpoints"] + plan["monitors"]] == ["add", "create", "create"]
    assert not (fresh / "dvc.lock").exists() and not (fresh / "features").exists() and not (fresh / ".dvc").exists()

    program.run("run", cwd=fresh)
    plan = program.run("plan", "-o", "json", cwd=fresh).json()
    for section in ("data", "stages", "models", "endpoints", "monitors"):
        assert [item["action"] for item in plan[section]] == ["keep"] * len(plan[section])

    project.edit(fresh, "params.yaml", "num_boost_round: 15", "num_boost_round: 16")
    project.edit(fresh, "caisson.yaml", "threshold: 0.25", "threshold: 0.3")
    plan = program.run("plan", "-o", "json", cwd=fresh).json()
    assert [item["action"] for item in plan["stages"]] == ["keep", "run"]
    assert "params" in plan["stages"][1]["reason"] or "train" in plan["stages"][1]["reason"]
    assert [item["action"] for item in plan["monitors"]] == ["change"]


def test_second_run_repeats_nothing(fresh):
    program.run("run", cwd=fresh)
    assert stage_log(fresh) == STAGES
    second = run_json(fresh)
    assert [second[f"stage {stage}"] for stage in STAGES] == ["skipped"] * 2
    assert stage_log(fresh) == STAGES
    for command in ("models list", "data list", "data checks"):
        assert len(program.run(*command.split(), "-o", "json", cwd=fresh).json()["items"]) == 1
    assert len(program.run("runs", "list", "-o", "json", cwd=fresh).json()["items"]) == 2


def test_one_changed_parameter_runs_what_depends_on_it(fresh):
    program.run("run", cwd=fresh)
    project.edit(fresh, "params.yaml", "num_boost_round: 15", "num_boost_round: 25")
    second = run_json(fresh)
    assert [second[f"stage {stage}"] for stage in STAGES] == ["skipped", "done"]
    versions = program.run("models", "list", "-o", "json", cwd=fresh).json()["items"]
    assert sorted(version["version"] for version in versions) == [1, 2]


def test_forced_run_runs_all_stages(fresh):
    program.run("run", cwd=fresh)
    forced = run_json(fresh, "--force")
    assert [forced[f"stage {stage}"] for stage in STAGES] == ["done"] * 2
    assert stage_log(fresh) == STAGES * 2


def test_override_runs_in_a_copy(fresh):
    program.run("run", cwd=fresh)
    parameters = (fresh / "params.yaml").read_text()
    model = (fresh / "model/model.onnx").read_bytes()
    finished = run_json(fresh, "--set", "train.xgboost.num_boost_round=5")
    assert finished["workspace"] == "done"
    assert (fresh / "params.yaml").read_text() == parameters
    assert (fresh / "model/model.onnx").read_bytes() == model
    runs = program.run("runs", "list", "--filter", "params.num_boost_round = '5'", "-o", "json", cwd=fresh).json()["items"]
    assert len(runs) == 2
    unknown = program.run("run", "--set", "train.nothing=5", cwd=fresh, code=None)
    assert unknown.code != 0 and "train.nothing" in unknown.err


def test_gate_refuses_and_the_champion_stays(fresh):
    program.run("run", cwd=fresh)
    project.edit(fresh, "caisson.yaml", "auc >= 0.6,", "auc >= 0.99,")
    project.edit(fresh, "params.yaml", "num_boost_round: 15", "num_boost_round: 3")
    ended = program.run("run", cwd=fresh)
    assert "refused" in ended.out
    refused = program.run("models", "show", "purchase", "2", "-o", "json", cwd=fresh).json()
    assert refused["gate"]["admitted"] is False and refused["aliases"] == []
    failed = [line for line in refused["gate"]["lines"] if not line["passed"]]
    assert any("0.99" in line["why"] for line in failed)
    endpoint = program.run("endpoints", "show", "purchase", "-o", "json", cwd=fresh).json()
    assert [d["version"] for d in endpoint["deployments"]] == [1]
    denied = program.run("models", "promote", "purchase", "2", cwd=fresh, code=None)
    assert denied.code != 0 and "--force" in denied.err
    program.run("models", "promote", "purchase", "2", "--force", cwd=fresh)
    assert "champion" in program.run("models", "show", "purchase", "2", "-o", "json", cwd=fresh).json()["aliases"]


def test_twice_from_scratch_gives_the_same_bytes(template, tmp_path):
    """Everything but measured times: the files of features and model, and the digests in dvc.lock."""
    contents = []
    for name in ("first", "second"):
        folder = project.copy(template, tmp_path / name)
        program.run("run", cwd=folder)
        files = {file.relative_to(folder): hashlib.sha256(file.read_bytes()).hexdigest()
                 for part in ("features", "model") for file in sorted((folder / part).rglob("*")) if file.is_file()}
        files.pop(pathlib.Path("model/metrics.json"))
        contents.append(files)
    assert contents[0] == contents[1]
    assert pathlib.Path("model/model.onnx") in contents[0]


def test_broken_data_stops_the_run_and_says_where(fresh):
    data = fresh / "data/visits.parquet"
    database = duckdb.connect()
    database.execute("COPY (SELECT * REPLACE (CASE WHEN pages = 3 AND minute(time) = 0 THEN -pages ELSE pages END AS pages) "
                     f"FROM '{data}') TO '{fresh}/broken.parquet' (FORMAT parquet)")
    (count,) = database.execute(f"SELECT count(*) FROM '{fresh}/broken.parquet' WHERE pages < 1").fetchone()
    assert count > 3
    (fresh / "broken.parquet").rename(data)
    ended = program.run("run", cwd=fresh, code=1)
    said = ended.out + ended.err
    assert "pages" in said and "between" in said and f"{count:,}" in said and "-3" in said
    assert "checks/visits.yaml" in said
    assert not (fresh / "features").exists() and not (fresh / "stages.log").exists()
    check = program.run("data", "checks", "-o", "json", cwd=fresh).json()["items"][0]
    failed = [result for result in check["report"]["results"] if not result["passed"]]
    assert [(result["column"], result["check"], result["failed_count"]) for result in failed] == [("pages", "between", count)]
    assert failed[0]["examples"]


def test_planted_leak_is_caught(fresh):
    """A feature that is the mean of the target over the same day knows what happens later that day."""
    words = ["data", "leakcheck", "--file", "sql/prepare.sql", "--input", "visits=data/visits.parquet", "--params",
             "params.yaml:prepare", "--time", "time", "--label", "bought", "--relation", "examples"]
    clean = program.run(*words, "-o", "json", cwd=fresh).json()
    assert clean["passed"]
    project.edit(fresh, "sql/prepare.sql", "CAST(hour(time) AS FLOAT) AS hour",
                 "CAST(avg(bought) OVER (PARTITION BY date_trunc('day', time)) AS FLOAT) AS hour")
    leaking = program.run(*words, cwd=fresh, code=1)
    assert re.search(r"\bhour\b", leaking.out)
    assert not re.search(r"\bminutes\b.*(knows|future|differ)", leaking.out)


def test_run_without_a_server_can_be_watched(fresh):
    """While `caisson run` works it listens on a free loopback port, and other commands look in through it."""
    project.edit(fresh, "dvc.yaml", "&& echo prepare >> stages.log", "&& caisson jobs list -o json > jobs.json")
    program.run("run", cwd=fresh)
    assert '"state": "running"' in (fresh / "jobs.json").read_text()
