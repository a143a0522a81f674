"""MLflow's own server and ours, the same requests from wrk in the same script; requests per second and the ratio.

    build/venv/mlflow/bin/python bench/mlflow_bench.py [--seconds N] [--runs N] [--only ours]

Both start in empty folders with SQLite. Theirs has one worker and a connection pool that does not deadlock. The search is over
--runs runs of 5 metrics with 20 points each, 5 params and 5 tags. Needs wrk.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile

import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/compat/mlflow"))

import conftest  # noqa: E402
import differential  # noqa: E402

CONNECTIONS = 16
SCRIPT = """
local step = 0
wrk.method = "%(method)s"
wrk.headers["Content-Type"] = "application/json"
function request()
  step = step + 1
  %(body)s
end
"""
BATCH = """
  local m = {}
  for i = 1, 10 do
    m[i] = string.format('{"key":"m%%d","value":%%f,"timestamp":%%d,"step":%%d}', i, math.random(), 1700000000000 + step, step)
  end
  return wrk.format(nil, "/api/2.0/mlflow/runs/log-batch", nil, '{"run_id":"%(run)s","metrics":[' .. table.concat(m, ",") .. ']}')
"""


class Bench:
    def __init__(self, uri: str, seconds: int, folder: pathlib.Path):
        self.uri, self.seconds, self.folder = uri, seconds, folder
        self.session = requests.Session()
        self.experiment = self.post("experiments/create", {"name": "bench"})["experiment_id"]
        self.run = self.new_run(0)

    def post(self, path: str, fields: dict, session=None) -> dict:
        answer = (session or self.session).post(f"{self.uri}/api/2.0/mlflow/{path}", json=fields, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def new_run(self, start: int, session=None) -> str:
        fields = {"experiment_id": self.experiment, "start_time": start, "run_name": f"r{start}"}
        return self.post("runs/create", fields, session)["run"]["info"]["run_id"]

    def wrk(self, method: str, body: str) -> tuple[float, float]:
        """Requests a second, and the 99th percentile in milliseconds."""
        script = self.folder / "script.lua"
        script.write_text(SCRIPT % {"method": method, "body": body})
        out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{self.seconds}", "--latency", "-s", str(script), self.uri],
                             capture_output=True, text=True, check=True).stdout
        assert "Non-2xx" not in out, out
        number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
        return (float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
                float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit])

    def seed(self, runs: int):
        def work(part: int):
            generator, session = random.Random(part), requests.Session()
            for index in range(part, runs, 8):
                run = self.new_run(1_700_000_000_000 + index, session)
                metrics = [{"key": f"m{k}", "value": generator.random(), "timestamp": s, "step": s} for k in range(5) for s in range(20)]
                pairs = [[{"key": f"{kind}{k}", "value": str(generator.randint(0, 20))} for k in range(5)] for kind in "pt"]
                self.post("runs/log-batch", {"run_id": run, "metrics": metrics, "params": pairs[0], "tags": pairs[1]}, session)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))

    def measure(self, runs: int) -> dict[str, tuple[float, float]]:
        path = "/api/2.0/mlflow/"
        create = json.dumps({"experiment_id": "0", "start_time": 1})
        search = json.dumps({"experiment_ids": [self.experiment], "filter": "metrics.m0 > 0.5", "order_by": ["metrics.m0 DESC"],
                             "max_results": 100})
        results = {
            "log-batch of 10 metrics": self.wrk("POST", BATCH % {"run": self.run}),
            "create-run": self.wrk("POST", f"return wrk.format(nil, '{path}runs/create', nil, '{create}')"),
            "log-metric": self.wrk("POST", f"return wrk.format(nil, '{path}runs/log-metric', nil, string.format("
                                           f"'{{\"run_id\":\"{self.run}\",\"key\":\"x\",\"value\":%d,\"timestamp\":%d}}', step, step))"),
            "get-run": self.wrk("GET", f"return wrk.format(nil, '{path}runs/get?run_id={self.run}')"),
        }
        self.seed(runs)
        results[f"search over {runs} runs"] = self.wrk("POST", f"return wrk.format(nil, '{path}runs/search', nil, [[{search}]])")
        return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--only", choices=["ours"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="caisson-bench-") as name:
        folder = pathlib.Path(name)
        running = conftest.Server(folder)
        try:
            ours = Bench(running.uri, arguments.seconds, folder).measure(arguments.runs)
        finally:
            running.stop()
        theirs = {}
        if not arguments.only:
            process, uri = differential.start_theirs(folder)
            try:
                theirs = Bench(uri, arguments.seconds, folder).measure(arguments.runs)
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
    print(f"{'work, ' + str(CONNECTIONS) + ' connections':34} {'ours/s':>10} {'p99 ms':>8} {'theirs/s':>10} {'p99 ms':>8} {'ratio':>7}")
    for work, (rate, p99) in ours.items():
        line = f"{work:34} {rate:10.0f} {p99:8.1f}"
        if theirs:
            line += f" {theirs[work][0]:10.1f} {theirs[work][1]:8.0f} {rate / theirs[work][0]:6.0f}x"
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
