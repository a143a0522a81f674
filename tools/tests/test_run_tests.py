"""The counts of the closing line come from the results files, whatever a runner's exit status says."""

import pathlib
import sys

import run_tests

GOOGLETEST = """<testsuites><testsuite name="A">
  <testcase name="Ok" status="run" result="completed" classname="A"/>
  <testcase name="Bad" status="run" result="completed" classname="A">
    <failure message="Expected 1">a.cc:3 Expected 1</failure>
    <failure message="Expected 2">a.cc:4 Expected 2</failure></testcase>
  <testcase name="Skip" status="run" result="skipped" classname="A"><skipped message="why"/></testcase>
  <testcase name="DISABLED_Off" status="notrun" result="suppressed" classname="A"/>
</testsuite></testsuites>"""

PYTEST = """<testsuites><testsuite name="pytest">
  <testcase classname="t" name="ok"/>
  <testcase classname="t" name="broken_fixture"><error message="RuntimeError">trace</error></testcase>
  <testcase classname="t" name="skip"><skipped type="pytest.skip" message="why"/></testcase>
</testsuite></testsuites>"""


def tally_of(text: str, tmp_path) -> run_tests.Tally:
    file = tmp_path / "results.xml"
    file.write_text(text)
    tally = run_tests.Tally()
    tally.add_file(file, "program")
    return tally


def test_googletest_results(tmp_path):
    tally = tally_of(GOOGLETEST, tmp_path)
    assert dict(tally.counts) == {"passed": 1, "failed": 1, "skipped": 1}
    assert tally.failures == ["program: A.Bad\n    a.cc:3 Expected 1"]
    assert tally.skips == ["program: A.Skip"]


def test_pytest_results(tmp_path):
    tally = tally_of(PYTEST, tmp_path)
    assert dict(tally.counts) == {"passed": 1, "failed": 1, "skipped": 1}


def test_a_folder_that_cannot_be_collected_counts_as_a_failure(tmp_path, monkeypatch):
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "test_broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "build" / "log").mkdir(parents=True)
    monkeypatch.setattr(run_tests, "ROOT", tmp_path)
    monkeypatch.setattr(run_tests, "RESULTS", tmp_path)
    monkeypatch.setattr(run_tests.python_env, "ensure", lambda group: pathlib.Path(sys.prefix))
    tally = run_tests.Tally()
    run_tests.run_pytest("suite", "suite", "tests", "", tally)
    assert tally.counts["failed"] == 1 and tally.counts["passed"] == 0
    assert "nothing_of_this_name" in tally.failures[0]
