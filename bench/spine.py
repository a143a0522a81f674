#!/usr/bin/env python3
"""The figures of the spine: start, memory, HTTP, the SQLite writer, inference, the main job.

    bench/spine.py [--rounds 5] [--job-rounds 3] [--seconds 3] [--only REGEX] [--program PATH] [-o json]

Each figure is the median of its rounds, with the least and the greatest beside it. nginx answers a constant and a
FastAPI service with the same model answers the same body, each beside us in the same rounds. All programs share this
machine; the load average before and after is printed, since on a busy machine rates say little and ratios
more. Exit status 1 when a goal is missed.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tools")]

import http_bench  # noqa: E402
import python_env  # noqa: E402

EXAMPLE = ROOT / "examples/flights"
INFER_CONNECTIONS = 16
ROW = [17.5, 3, 550, 0.21, 0.19, 0.25, 0.2]


class Figure:
    """One line of the table. A goal is ("<=" or ">=", bound) or None."""

    def __init__(self, name, unit, values, goal=None, note=""):
        self.name, self.unit, self.goal, self.note = name, unit, goal, note
        self.values = list(values)
        self.median = statistics.median(self.values)

    @property
    def met(self):
        if self.goal is None:
            return None
        sign, bound = self.goal
        return self.median <= bound if sign == "<=" else self.median >= bound

    def to_json(self):
        return {"name": self.name, "unit": self.unit, "median": self.median, "least": min(self.values),
                "greatest": max(self.values), "rounds": len(self.values),
                "goal": " ".join(map(str, self.goal)) if self.goal else None, "met": self.met, "note": self.note}


def environment():
    path = f"{ROOT / 'build/bin'}:{os.environ['PATH']}"
    return {**{k: v for k, v in os.environ.items() if k not in ("CAISSON_URL", "CAISSON_DATA")}, "PATH": path}


def start(program, folder):
    """Starts `caisson up` in the folder; returns the server and the seconds until it was ready."""
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    began = time.monotonic()
    process = subprocess.Popen([program, "up", "--http", "127.0.0.1:0", "--ready-file", ready], cwd=folder,
                               env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not ready.exists():
        if process.poll() is not None:
            sys.exit(f"{program} up ended with {process.returncode}")
        time.sleep(0.001)
    seconds = time.monotonic() - began
    return http_bench.Server("caisson", process, json.loads(ready.read_text())["http"]), seconds


def measure_version(options):
    times = []
    for _ in range(options.rounds * 8):
        began = time.monotonic()
        subprocess.run([options.program, "version"], check=True, stdout=subprocess.DEVNULL)
        times.append((time.monotonic() - began) * 1e3)
    yield Figure("caisson version", "ms", times, ("<=", 20))


def measure_start(options):
    seconds, memory = [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="spine-") as name:
            server, took = start(options.program, pathlib.Path(name))
            time.sleep(1)
            memory.append(server.memory_mb())
            server.stop()
            seconds.append(took)
    yield Figure("caisson up in an empty folder, until ready", "s", seconds, ("<=", 0.3))
    yield Figure("resident memory, one idle second later", "MB", memory, ("<=", 60))


def measure_livez(options):
    command = [sys.executable, ROOT / "bench/http_bench.py", "--program", options.program, "--only", "livez$", "--rounds",
               str(options.rounds), "--seconds", str(options.seconds), "-o", "json"]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if ended.returncode not in (0, 1) or not ended.stdout:
        sys.exit("http_bench.py failed")
    rows = {row["server"]: row for row in json.loads(ended.stdout)}
    ours, nginx = rows["caisson up"], rows["nginx"]
    yield Figure("GET /livez, 64 connections", "requests/s", [ours["rate"]], (">=", 60_000), f"nginx {nginx['rate']:,.0f}")
    yield Figure("GET /livez beside nginx", "ratio", [ours["of_nginx"]], (">=", 0.6))
    yield Figure("GET /livez p99", "ms", [ours["p99_ms"]], ("<=", 3), f"nginx {nginx['p99_ms']:.2f}")


def measure_writer(options):
    subprocess.run(["cmake", "--build", ROOT / "build", "--target", "sql_write_bench"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="spine-", dir=ROOT / "build") as folder:
        output = subprocess.run([ROOT / "build/bin/sql_write_bench", "--seconds", str(options.seconds), "--folder", folder],
                                check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^(sqlite3 C API|sql::Database::Write) +(\d+) +(\d+) +(\d+)", output, re.M)
    best = max((row for row in rows if row[0].startswith("sql::")), key=lambda row: int(row[3]))
    raw = max(int(row[3]) for row in rows if row[0].startswith("sqlite3"))
    yield Figure("SQLite writer, metric rows durable", "rows/s", [int(best[3])], (">=", 100_000),
                 f"{best[1]} threads, {best[2]} rows a write; SQLite alone {raw:,}")


def copy_example(folder, data):
    for part in ("caisson.yaml", "dvc.yaml", "params.yaml", "sql", "checks"):
        source = EXAMPLE / part
        shutil.copytree(source, folder / part) if source.is_dir() else shutil.copy(source, folder / part)
    (folder / "data").mkdir()
    shutil.copy(data, folder / "data/flights.parquet")


def measure_job(options, folder):
    """Runs the main job from nothing; the last round's folder is what inference is measured on."""
    seconds = []
    for number in range(options.job_rounds):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        copy_example(folder, options.data)
        began = time.monotonic()
        subprocess.run([options.program, "run"], cwd=folder, env=environment(), check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.monotonic() - began)
    yield Figure("caisson run, 3,000,000 flights from nothing", "s", seconds, ("<=", 90))


@contextlib.contextmanager
def fastapi_peer(model):
    """The same model behind FastAPI; yields None where its environment cannot be made."""
    try:
        python = python_env.ensure("bench") / "bin/python"
    except python_env.SetupError as error:
        print(f"no FastAPI peer: {error}", file=sys.stderr)
        yield None
        return
    address = f"127.0.0.1:{http_bench.free_port()}"
    process = subprocess.Popen([python, ROOT / "bench/peer_fastapi.py", model, address.rpartition(":")[2]],
                               stdout=subprocess.DEVNULL)
    server = http_bench.Server("FastAPI", process, address)
    try:
        for _ in range(20):  # a slow import on a busy machine
            with contextlib.suppress(SystemExit):
                http_bench.wait_for_port(address, process)
                break
        yield server
    finally:
        process.terminate()
        process.wait()


def measure_inference(options, folder):
    script = folder / "infer.lua"
    body = json.dumps({"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, len(ROW)], "data": ROW}]})
    script.write_text(f"wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = '{body}'\n")
    server, _ = start(options.program, folder)
    measured = {"ours": [], "peer": []}
    path = "/v2/models/delay/infer"
    try:
        with fastapi_peer(folder / "model/model.onnx") as peer:
            for _ in range(options.rounds):
                measured["ours"].append(http_bench.measure(server, path, script, INFER_CONNECTIONS, options.seconds))
                if peer:
                    measured["peer"].append(http_bench.measure(peer, path, script, INFER_CONNECTIONS, options.seconds))
    finally:
        server.stop()
    ours = [round_["rate"] for round_ in measured["ours"]]
    theirs = [round_["rate"] for round_ in measured["peer"]]
    cpu = statistics.median(round_["cpu_us"] for round_ in measured["ours"])
    name = f"POST {path}, one row, {INFER_CONNECTIONS} connections"
    note = f"{cpu:.1f} us CPU each" + (f"; FastAPI {statistics.median(theirs):,.0f}" if theirs else "")
    yield Figure(name, "requests/s", ours, (">=", 10_000), note)
    yield Figure("the same, p99", "ms", [round_["p99_ms"] for round_ in measured["ours"]])
    if theirs:
        yield Figure("the same, beside FastAPI and ONNX Runtime", "ratio", [a / b for a, b in zip(ours, theirs)])


def run(options):
    with tempfile.TemporaryDirectory(prefix="spine-") as name:
        folder = pathlib.Path(name) / "flights"
        parts = [("version", lambda: measure_version(options)), ("start", lambda: measure_start(options)),
                 ("livez", lambda: measure_livez(options)), ("writer", lambda: measure_writer(options))]
        if options.data.exists():
            parts.append(("job", lambda: measure_job(options, folder)))
            parts.append(("infer", lambda: measure_inference(options, folder)))
        else:
            print(f"no {options.data}: the main job and inference are left out", file=sys.stderr)
        for part, measure in parts:
            if not re.search(options.only, part):
                continue
            if part == "infer" and not folder.exists():
                list(measure_job(argparse.Namespace(**{**vars(options), "job_rounds": 1}), folder))
            for figure in measure():
                print(f"  {figure.name}: {figure.median:,.4g} {figure.unit}", file=sys.stderr)
                yield figure


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def print_table(figures):
    print(f"{'figure':56} {'median':>9} {'least':>9} {'greatest':>9} {'unit':10} {'goal':>11} {'met':4} note")
    for figure in figures:
        goal = f"{figure.goal[0]} {figure.goal[1]:,}" if figure.goal else "-"
        met = {True: "yes", False: "no", None: "-"}[figure.met]
        print(f"{figure.name:56} {number(figure.median):>9} {number(min(figure.values)):>9} {number(max(figure.values)):>9} "
              f"{figure.unit:10} {goal:>11} {met:4} {figure.note}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--job-rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="for one load in one round")
    parser.add_argument("--only", default="", help="a regular expression: version, start, livez, writer, job, infer")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/bin/caisson")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "build/data/flights-3m.parquet")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    options = parser.parse_args()
    options.program, options.data = options.program.resolve(), options.data.resolve()
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed; ./dev bench spine installs it")
    before = os.getloadavg()
    figures = list(run(options))
    machine = {"cores": os.cpu_count(), "load_before": round(before[0], 1), "load_after": round(os.getloadavg()[0], 1)}
    if options.output == "json":
        print(json.dumps({"machine": machine, "figures": [figure.to_json() for figure in figures]}, indent=2))
    else:
        print_table(figures)
        print(f"{machine['cores']} cores; load average {machine['load_before']} before, {machine['load_after']} after")
    missed = [figure.name for figure in figures if figure.met is False]
    if missed:
        print(f"goal missed: {'; '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
