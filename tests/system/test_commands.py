"""The command line: help, exit codes, JSON, and the same answers with and without a server."""

import json
import re

import pytest

from support import program, project

COMMANDS = [
    "init", "run", "plan", "up", "explain", "data check", "data profile", "data suggest", "data diff",
    "data leakcheck", "data kinds",
    "data add", "data status", "data checkout", "data list", "data checks", "runs list", "runs show", "runs compare",
    "runs delete", "models list", "models show", "models promote", "endpoints list", "endpoints show",
    "endpoints canary", "endpoints promote", "endpoints rollback", "endpoints replay", "monitors list",
    "monitors report", "monitors evaluate", "jobs list", "jobs cancel", "query", "train", "token create", "doctor",
    "version",
]

# What only looks: each gives one JSON value, also without a server.
READERS = [
    "plan", "explain endpoint purchase", "explain model_version purchase/1", "data list", "data checks", "data status",
    "data kinds", "data profile data/visits.parquet", "data check data/visits.parquet --suite checks/visits.yaml",
    "runs list", "models list", "models show purchase 1", "endpoints list", "endpoints show purchase",
    "monitors list", "monitors report purchase", "jobs list", "version",
]


def test_every_command_is_listed(tmp_path):
    text = program.run("--help", cwd=tmp_path).out
    listed = re.findall(r"^  ((?:[a-z]+ )?[a-z]+)  +[A-Z]", text, re.M)
    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_opens_with_an_example(command, tmp_path):
    text = program.run(*command.split(), "--help", cwd=tmp_path).out
    first, example = text.splitlines()[:2]
    assert first == "Example:"
    assert example.startswith("  ") and f"caisson {command}".strip() in example
    assert list(tmp_path.iterdir()) == []


def test_no_command_shows_the_help(tmp_path):
    assert program.run(cwd=tmp_path).out == program.run("--help", cwd=tmp_path).out


@pytest.mark.parametrize("command", READERS)
def test_json_without_a_server(command, done):
    program.run(*command.split(), "-o", "json", cwd=done).json()


def test_doctor_says_what_to_do(done):
    answer = program.run("doctor", "-o", "json", cwd=done, code=None).json()
    checks = {check["check"]: check for check in answer["checks"]}
    assert {"data folder", "disk space", "fsync latency", "clock", "DuckDB", "ONNX Runtime", "XGBoost"} <= set(checks)
    for check in checks.values():
        assert check["observed"]
        assert bool(check["next_step"]) == (check["state"] != "ok")
    missing = program.run("doctor", cwd=done, code=1, env={"CAISSON_DUCKDB_LIBRARY": "/nowhere/libduckdb.so"})
    assert "What to do:" in missing.out and "./dev setup" in missing.out


@pytest.mark.parametrize("command", ["models list", "models show purchase 1", "runs list", "endpoints show purchase",
                                     "explain endpoint purchase", "explain model_version purchase/1", "data list",
                                     "data checks", "monitors list"])
def test_same_answer_with_and_without_a_server(command, server):
    """The server's own process answers first, then one that opens a copy of the folder."""
    words = [*command.split(), "-o", "json"]
    by_folder = program.run(*words, cwd=server.folder).json()
    by_url = program.run(*words, cwd=server.folder, env={"CAISSON_URL": server.url}).json()
    by_flag = program.run(*words, "--server", server.url, cwd=server.folder / "data").json()
    assert by_folder == by_url == by_flag


def test_commands_work_without_a_server_as_with_one(template, tmp_path):
    folder = project.copy(template, tmp_path)
    program.run("run", cwd=folder)
    commands = ["models list", "runs list", "endpoints show purchase", "explain endpoint purchase", "jobs list"]
    before = [program.run(*command.split(), "-o", "json", cwd=folder).json() for command in commands]
    with program.serving(folder):
        during = [program.run(*command.split(), "-o", "json", cwd=folder).json() for command in commands]
    assert during == before


class TestExitCodes:
    def test_ok(self, tmp_path):
        assert program.run("version", cwd=tmp_path).out.startswith("caisson ")

    def test_failed(self, fresh):
        project.edit(fresh, "checks/visits.yaml", "{min: 1000}", "{min: 1000000}")
        program.run("data", "check", "data/visits.parquet", "--suite", "checks/visits.yaml", cwd=fresh, code=1)

    @pytest.mark.parametrize("words, said", [
        (["modles"], "models"),
        (["models", "lst"], "list"),
        (["version", "--frobnicate"], "--frobnicate"),
        (["models", "show"], "model"),
        (["version", "-o", "yaml"], "yaml"),
        (["endpoints", "canary", "purchase", "three"], "three"),
    ])
    def test_usage(self, words, said, done):
        ended = program.run(*words, cwd=done, code=2)
        assert said in ended.err and "--help" in ended.err or "accepted" in ended.err
        assert ended.out == ""

    def test_unreachable(self, tmp_path):
        ended = program.run("models", "list", "--server", "http://127.0.0.1:1", cwd=tmp_path, code=3)
        assert "127.0.0.1:1" in ended.err

    def test_denied(self, tmp_path):
        token = program.run("token", "create", "alice", "--file", "tokens", "-o", "json", cwd=tmp_path).json()["token"]
        with program.serving(tmp_path, "--token-file", tmp_path / "tokens"):
            program.run("models", "list", cwd=tmp_path, code=4)
            program.run("models", "list", cwd=tmp_path, code=4, env={"CAISSON_TOKEN": token + "x"})
            program.run("models", "list", cwd=tmp_path, code=0, env={"CAISSON_TOKEN": token})

    @pytest.mark.parametrize("words", ["explain endpoint nobody", "models show purchase 99", "runs show ffffffff",
                                       "endpoints show nobody", "explain prediction 00000000-1-8-0",
                                       "monitors report nobody", "data profile nothing.parquet"])
    def test_not_found(self, words, done):
        ended = program.run(*words.split(), cwd=done, code=5)
        assert ended.err.startswith("error: ") and ended.out == ""

    def test_conflict(self, server):
        ended = program.run("up", "--http", "127.0.0.1:0", cwd=server.folder, code=6)
        assert str(server.process.pid) in ended.err

    def test_errors_are_json_too(self, done):
        answer = program.run("explain", "endpoint", "nobody", "-o", "json", cwd=done, code=5).json()
        assert set(answer["error"]) == {"code", "message"}
        assert "nobody" in answer["error"]["message"]


def test_init_writes_a_project_that_runs(tmp_path):
    written = program.run("init", "-o", "json", cwd=tmp_path).json()
    assert "caisson.yaml" in written["files"]
    for file in written["files"]:
        assert (tmp_path / file).exists()
    comments = [line for line in (tmp_path / "caisson.yaml").read_text().splitlines() if "#" in line]
    assert len(comments) >= 5
    again = program.run("init", cwd=tmp_path, code=None)
    assert again.code in (1, 6) and "caisson.yaml" in again.err
    program.run("run", cwd=tmp_path)
    versions = program.run("models", "list", "-o", "json", cwd=tmp_path).json()["items"]
    assert [version["gate"] for version in versions] == ["admitted"]


def test_tables_do_not_carry_colour_into_files(done):
    for command in ("models show purchase 1", "explain endpoint purchase", "doctor", "data kinds"):
        assert "\x1b" not in program.run(*command.split(), cwd=done, code=None).out


def test_runs_show_compare_and_delete(fresh):
    program.run("run", cwd=fresh)
    runs = program.run("runs", "list", "--order-by", "metrics.auc DESC", "-o", "json", cwd=fresh).json()["items"]
    aucs = [run["metrics"]["auc"] for run in runs]
    assert len(runs) == 2 and aucs == sorted(aucs, reverse=True)
    short = [run["run_id"][:10] for run in runs]
    shown = program.run("runs", "show", short[0], "-o", "json", cwd=fresh).json()
    assert shown["run_id"] == runs[0]["run_id"]
    assert "max_depth" in program.run("runs", "compare", *short, cwd=fresh).out
    filtered = program.run("runs", "list", "--filter", "params.max_depth = '3'", "-o", "json", cwd=fresh).json()["items"]
    assert [run["params"]["max_depth"] for run in filtered] == ["3"]
    program.run("runs", "delete", short[1], cwd=fresh)
    left = program.run("runs", "list", "-o", "json", cwd=fresh).json()["items"]
    assert [run["run_id"] for run in left] == [runs[0]["run_id"]]


def test_data_add_status_checkout(fresh):
    added = program.run("data", "add", "data/visits.parquet", "-o", "json", cwd=fresh).json()
    assert (fresh / "data/visits.parquet.dvc").exists()
    (fresh / "data/visits.parquet").write_bytes(b"other")
    states = program.run("data", "status", "-o", "json", cwd=fresh).json()
    assert [state["state"] for state in states] != ["unchanged"]
    program.run("data", "checkout", "data/visits.parquet", cwd=fresh)
    states = program.run("data", "status", "-o", "json", cwd=fresh).json()
    assert [(state["state"], state["md5"]) for state in states] == [("unchanged", added[0]["md5"])]


def test_data_suggest_writes_a_suite_that_holds(fresh):
    (fresh / "suggested.yaml").write_text(program.run("data", "suggest", "data/visits.parquet", cwd=fresh).out)
    report = program.run("data", "check", "data/visits.parquet", "--suite", "suggested.yaml", "-o", "json", cwd=fresh).json()
    assert report["passed"] and len(report["results"]) >= 5


def test_check_reports_in_every_form(done, tmp_path):
    program.run("data", "check", "data/visits.parquet", "--suite", "checks/visits.yaml", "--junit", tmp_path / "r.xml",
                "--html", tmp_path / "r.html", cwd=done)
    assert (tmp_path / "r.xml").read_text().count("<testcase") == 8
    assert "<html" in (tmp_path / "r.html").read_text()


def test_json_of_a_run_is_a_line_a_step(fresh):
    lines = program.run("run", "-o", "json", cwd=fresh).json_lines()
    finished = [line["step"] for line in lines if line.get("state") == "done"]
    assert finished == ["ingest", "check", "stage prepare", "stage train", "track", "register", "gate", "serve", "watch"]
    assert all(json.dumps(line) for line in lines)
