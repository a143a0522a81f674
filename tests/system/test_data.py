"""`caisson data` and `caisson query` on files: what holds, what is broken and how, and the reports."""

import hashlib
import json
import xml.etree.ElementTree as xml

import duckdb
import pytest

from support import program

SUITE = """\
table:
- columns: [moment, amount, country]
- row_count: {min: 1000}
- no_duplicates: [moment, country]
columns:
  moment:
  - type: TIMESTAMP
  - not_null
  amount:
  - type: BIGINT
  - not_null
  - between: {min: 0, max: 500}
    why: nobody pays more
  country:
  - in_set: [DE, FR, US]
    severity: warn
"""
ROWS = """SELECT TIMESTAMP '2024-01-01' + to_minutes(i) AS moment, (hash(i) % 400)::BIGINT AS amount,
                 ['DE', 'FR', 'US'][i % 3 + 1] AS country FROM range(5000) AS t(i)"""


def write(path, query):
    duckdb.connect().execute(f"COPY ({query}) TO '{path}'")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "suite.yaml").write_text(SUITE)
    write(tmp_path / "good.parquet", ROWS)
    return tmp_path


def check(folder, file, code):
    return program.run("data", "check", file, "--suite", "suite.yaml", "-o", "json", cwd=folder, code=code)


def test_good_data_holds(folder):
    report = check(folder, "good.parquet", 0).json()
    assert report["passed"] and report["row_count"] == 5000 and len(report["results"]) == 9
    assert all(result["passed"] for result in report["results"])


@pytest.mark.parametrize("change, failing, count", [
    ("SELECT * REPLACE (CASE WHEN i % 500 = 7 THEN NULL ELSE amount END AS amount)", "amount/not_null", 10),
    ("SELECT * REPLACE (CASE WHEN i % 1000 = 3 THEN 501 ELSE amount END AS amount)", "amount/between", 5),
    ("SELECT * REPLACE (amount::VARCHAR AS amount)", "amount/type", 0),
    ("SELECT moment, country", "amount/not_null", 0),
    ("SELECT *, 1 AS extra", "/columns", 0),
    ("SELECT * REPLACE (date_trunc('hour', moment) AS moment)", "/no_duplicates", 4748),
])
def test_a_broken_copy_names_what_is_broken(change, failing, count, folder):
    source = ROWS.replace(" FROM range", ", i FROM range")
    write(folder / "broken.parquet", f"SELECT * EXCLUDE (i) FROM ({change.replace('SELECT moment, country', 'SELECT moment, country, i')} FROM ({source}))")
    report = check(folder, "broken.parquet", 1).json()
    failed = {f"{result['column']}/{result['check']}": result for result in report["results"] if not result["passed"]}
    assert failing in failed
    assert failed[failing]["failed_count"] == count
    assert bool(failed[failing]["examples"]) == (count > 0)
    said = program.run("data", "check", "broken.parquet", "--suite", "suite.yaml", cwd=folder, code=1).out
    assert failing.split("/")[1] in said and "suite.yaml:" in said
    if count:
        assert f"{count:,} of" in said


@pytest.mark.parametrize("damage", ["cut", "pages", "empty", "text"])
def test_a_damaged_file_is_told_apart_from_bad_data(damage, folder):
    whole = (folder / "good.parquet").read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    broken = {"cut": whole[:len(whole) // 2], "empty": b"", "text": b"moment,amount,country\n",
              "pages": whole[:4] + b"\x5a" * (len(whole) - footer - 4) + whole[-footer:]}[damage]
    (folder / "damaged.parquet").write_bytes(broken)
    ended = program.run("data", "check", "damaged.parquet", "--suite", "suite.yaml", cwd=folder, code=1)
    assert "damaged.parquet" in ended.err and "cannot be read" in ended.err
    assert ended.out == "" and "\n" not in ended.err.strip()
    if damage == "pages":
        assert "column" in ended.err


def test_reports_for_machines_and_people(folder):
    write(folder / "bad.parquet", f"SELECT * REPLACE (-amount AS amount, '<b>' AS country) FROM ({ROWS})")
    program.run("data", "check", "bad.parquet", "--suite", "suite.yaml", "--junit", "out/junit.xml", "--html",
                "out/page.html", cwd=folder, code=1)
    suite = xml.parse(folder / "out/junit.xml").getroot().find("testsuite")
    assert suite.get("tests") == "9" and suite.get("failures") == "1"
    (failure,) = suite.iter("failure")
    assert "nobody pays more" in failure.get("message")
    page = (folder / "out/page.html").read_text()
    assert "<b>" not in page and "&lt;b&gt;" in page and "<script" not in page and "http" not in page


def test_a_suggested_suite_holds_and_means_something(folder):
    (folder / "suggested.yaml").write_text(program.run("data", "suggest", "good.parquet", cwd=folder).out)
    program.run("data", "check", "good.parquet", "--suite", "suggested.yaml", cwd=folder)
    write(folder / "bad.parquet", f"SELECT * REPLACE (amount * 10 AS amount) FROM ({ROWS})")
    program.run("data", "check", "bad.parquet", "--suite", "suggested.yaml", cwd=folder, code=1)


def test_diff_by_key(folder):
    write(folder / "next.parquet", f"SELECT * REPLACE (CASE WHEN amount = 7 THEN 8 ELSE amount END AS amount) FROM ({ROWS}) WHERE country <> 'FR'")
    program.run("data", "diff", "good.parquet", "good.parquet", "--key", "moment", cwd=folder)
    diff = program.run("data", "diff", "good.parquet", "next.parquet", "--key", "moment", "-o", "json", cwd=folder, code=1).json()
    sevens = duckdb.connect().execute(f"SELECT count(*) FROM ({ROWS}) WHERE amount = 7 AND country <> 'FR'").fetchone()[0]
    assert diff["rows_removed"] == 1667 and diff["rows_added"] == 0 and diff["rows_changed"] == sevens > 0


def test_query_twice_gives_the_same_bytes(folder):
    (folder / "q.sql").write_text("CREATE VIEW big AS SELECT * FROM raw WHERE amount > getvariable('least') ORDER BY moment;\n"
                                  "CREATE VIEW few AS SELECT country, count(*) AS n FROM raw GROUP BY country ORDER BY country;\n")
    (folder / "params.yaml").write_text("q: {least: 100}\n")
    words = ["query", "--file", "q.sql", "--input", "raw=good.parquet", "--params", "params.yaml:q", "--output"]
    digests = set()
    for threads in (1, 2, 4):
        answer = program.run(*words, "big=made/a/big.parquet", "--output", "few=made/few.csv", "--threads", threads,
                             "--memory-limit", "500MB", "-o", "json", cwd=folder).json()
        digests.add(hashlib.md5((folder / "made/a/big.parquet").read_bytes()).hexdigest())
    assert len(digests) == 1
    assert [output["name"] for output in answer["outputs"]] == ["big", "few"]
    assert (folder / "made/few.csv").read_text().splitlines()[0] == "country,n"


@pytest.mark.parametrize("words, said", [
    (["--output", "bgi=x.parquet"], "did you mean 'big'"),
    (["--output", "none=x.parquet"], "has no rows"),
    (["--output", "big"], "name=path"),
    ([], "--output"),
    (["--output", "big=x.parquet", "--threads", "none"], "--threads"),
    (["--output", "big=x.parquet", "--params", "params.yaml:othr"], "did you mean 'other'"),
    (["--output", "big=x.parquet", "--params", "params.yaml:other"], "least"),
])
def test_query_mistakes(words, said, folder):
    (folder / "q.sql").write_text("CREATE VIEW big AS SELECT * FROM raw WHERE amount > getvariable('least');\n"
                                  "CREATE VIEW none AS SELECT * FROM raw WHERE amount < 0;\n")
    (folder / "params.yaml").write_text("q: {least: 100}\nother: {last: 1}\n")
    given = ["--params", "params.yaml:q"] if "--params" not in words else []
    ended = program.run("query", "--file", "q.sql", "--input", "raw=good.parquet", *given, *words, cwd=folder, code=None)
    assert ended.code != 0 and said in ended.err
    assert not (folder / "x.parquet").exists()


def test_kinds_are_listed(tmp_path):
    kinds = program.run("data", "kinds", "-o", "json", cwd=tmp_path).json()
    assert len(kinds) >= 60
    assert {"not_null", "between", "no_duplicates", "psi"} <= {kind["name"] for kind in kinds}
    assert all(kind["example"] and kind["summary"] for kind in kinds)
    assert json.dumps(kinds)
