#!/usr/bin/env python3
"""Runs the test suites and ends with one line: N passed, N failed, N skipped.

    tools/run_tests.py all
    tools/run_tests.py unit sql           # only what matches: ctest -R for programs, pytest -k otherwise

unit      the GoogleTest programs that CMake registered, and tools/tests
system    tests/system   drives the built program
compat    tests/compat/GROUP with the real clients, each in build/venv/GROUP
fault     tests/fault    kills, fills disks, tears files

Every count comes from a results file that the runner wrote. A program that ends without one counts as
one failure. With CI=true a skipped test fails the run. The exit status is 1 on any failure, or when
nothing ran.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

import python_env
from python_env import ROOT

RESULTS = ROOT / "build" / "test-results"
SUITES = ("unit", "system", "compat", "fault")
PROGRAM_TIMEOUT_SECONDS = 300


class Tally:
    """Counts and names of what happened, added up over the runners."""

    def __init__(self) -> None:
        self.counts: collections.Counter = collections.Counter()
        self.failures: list[str] = []
        self.skips: list[str] = []

    def add_case(self, name: str, case: xml.Element) -> None:
        """Counts a <testcase> of GoogleTest's or pytest's XML; both write JUnit's elements."""
        broken = [part for part in case if part.tag in ("failure", "error")]
        if broken:
            self.fail(name, broken[0].text or broken[0].get("message") or "")
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            if case.get("result") != "suppressed":
                self.counts["skipped"] += 1
                self.skips.append(name)
        else:
            self.counts["passed"] += 1

    def fail(self, name: str, why: str) -> None:
        self.counts["failed"] += 1
        self.failures.append(f"{name}\n" + "\n".join("    " + line for line in why.splitlines()[-25:]))

    def add_file(self, file: pathlib.Path, label: str) -> None:
        for case in xml.parse(file).iter("testcase"):
            self.add_case(f"{label}: {case.get('classname')}.{case.get('name')}", case)


def run_programs(pattern: str, tally: Tally) -> None:
    """Runs the GoogleTest programs through ctest, several at a time."""
    pattern = pattern or "."
    listing = subprocess.run(["ctest", "--test-dir", "build", "--show-only=json-v1", "-R", pattern],
                             cwd=ROOT, capture_output=True, text=True)
    programs = [test["name"] for test in json.loads(listing.stdout)["tests"]]
    folder = RESULTS / "unit"
    folder.mkdir(parents=True)
    if not programs:
        return
    junit = RESULTS / "ctest.xml"
    with open(ROOT / "build/log/test-unit.log", "w") as log:
        subprocess.run(["ctest", "--test-dir", "build", "-R", pattern, "--output-on-failure",
                        "--parallel", str(os.cpu_count() or 1), "--output-junit", str(junit),
                        "--timeout", str(PROGRAM_TIMEOUT_SECONDS)],
                       cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
                       env={**os.environ, "GTEST_OUTPUT": f"xml:{folder}/", "GTEST_COLOR": "no"})
    outcome = {case.get("name"): case for case in xml.parse(junit).iter("testcase")}
    for program in programs:
        results = folder / f"{program}.xml"
        before = tally.counts["failed"]
        if results.exists():
            tally.add_file(results, program)
        ended = outcome.get(program)
        if ended is None or (ended.get("status") != "run" and tally.counts["failed"] == before):
            output = ended.findtext("system-out") if ended is not None else None
            tally.fail(program, output or "ended without results")


def run_pytest(label: str, folder: str, group: str, pattern: str, tally: Tally) -> None:
    """Runs one folder of tests in the environment of its group."""
    if not any((ROOT / folder).rglob("test_*.py")):
        return
    python = python_env.ensure(group) / "bin" / "python"
    results = RESULTS / f"{label}.xml"
    log_file = ROOT / "build" / "log" / f"test-{label}.log"
    command = [str(python), "-m", "pytest", folder, f"--junit-xml={results}"]
    if pattern:
        command += ["-k", pattern]
    with open(log_file, "w") as log:
        status = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL).returncode
    before = tally.counts["failed"]
    if results.exists():
        tally.add_file(results, label)
    nothing_matched = status == 5 and pattern
    if status != 0 and tally.counts["failed"] == before and not nothing_matched:
        tally.fail(f"{label}: pytest ended with {status}", log_file.read_text()[-2000:])


def run_suite(suite: str, pattern: str, tally: Tally) -> None:
    if suite == "unit":
        run_programs(pattern, tally)
        run_pytest("tools", "tools/tests", "tests", pattern, tally)
    elif suite == "compat":
        for folder in sorted(path for path in (ROOT / "tests/compat").iterdir() if path.is_dir()):
            if folder.name != "requirements":
                run_pytest(f"compat-{folder.name}", f"tests/compat/{folder.name}", folder.name,
                           pattern, tally)
    else:
        run_pytest(suite, f"tests/{suite}", "tests", pattern, tally)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=(*SUITES, "all"))
    parser.add_argument("pattern", nargs="?", default="")
    arguments = parser.parse_args()
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    (ROOT / "build" / "log").mkdir(exist_ok=True)

    tally = Tally()
    for suite in SUITES if arguments.suite == "all" else (arguments.suite,):
        before, started = tally.counts.copy(), time.monotonic()
        try:
            run_suite(suite, arguments.pattern, tally)
        except python_env.SetupError as error:
            tally.fail(f"{suite}: set-up", str(error))
        now = tally.counts - before
        print(f"test-{suite:7} {time.monotonic() - started:7.1f} s  {now['passed']} passed, "
              f"{now['failed']} failed, {now['skipped']} skipped", flush=True)

    for failure in tally.failures:
        print(f"\nFAILED {failure}")
    strict = os.environ.get("CI") == "true"
    if tally.skips:
        print(f"\nskipped{', which fails a run in CI' if strict else ''}:", *tally.skips, sep="\n  ")
    counts = tally.counts
    if not counts["passed"] and not counts["failed"]:
        print(f"no test ran: nothing matches suite `{arguments.suite}` {arguments.pattern}".rstrip(),
              file=sys.stderr)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] or (strict and counts["skipped"]) else 0


if __name__ == "__main__":
    sys.exit(main())
