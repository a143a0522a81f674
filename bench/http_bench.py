#!/usr/bin/env python3
"""How many requests a second the HTTP server answers, with nginx and wrk beside it.

    bench/http_bench.py [--rounds 5] [--seconds 3] [--connections 64] [--program PATH] [-o json]

Each round measures every case once, ours and nginx's in turn, so that a change in the machine's load meets
all of them; the table has the medians over the rounds. All programs share this machine's cores: wrk has one
thread, and nginx as many worker processes as our server has I/O threads. CPU is what the server's own
processes used, user and system, for one request; it moves less than the rate on a busy machine.

The server is http_bench_server, which this script builds. With --program build/bin/caisson, the livez cases
run against `caisson up` in an empty folder as well.

Exit status 1 when GET /livez misses its goal: 60,000 requests a second, 0.6 of nginx, p99 below 3 ms.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
TICK = os.sysconf("SC_CLK_TCK")

GOAL_RATE = 60_000
GOAL_RATIO = 0.6
GOAL_P99_MS = 3.0

POST_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"inputs":[{"name":"input","shape":[1,12],"datatype":"FP32","data":[0.1,0.2,0.3,0.4,0.5,0.6,' ..
  '0.7,0.8,0.9,1.0,1.1,1.2]}],"outputs":[{"name":"probability"}]}'
"""

# Answers come in batches of this many requests sent at once.
PIPELINE_SCRIPT = """
init = function(args)
  local r = {}
  for i = 1, 16 do r[i] = wrk.format(nil, "/livez") end
  batch = table.concat(r)
end
request = function() return batch end
"""

NGINX_CONFIG = """
daemon off;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type text/plain;
  server {{
    listen 127.0.0.1:{port};
    location / {{ return 200 "ok\\n"; }}
  }}
}}
"""


class Server:
    """A process under measurement; the address is HOST:PORT."""

    def __init__(self, name, process, address):
        self.name, self.process, self.address = name, process, address

    def processes(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def cpu_seconds(self):
        ticks = 0
        for pid in self.processes():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICK

    def memory_mb(self):
        kib = 0
        for pid in self.processes():
            found = re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
            kib += int(found.group(1))
        return kib / 1024

    def stop(self):
        if self.process.stdin:
            self.process.stdin.close()
        else:
            self.process.terminate()
        self.process.wait(timeout=30)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(address, process):
    host, port = address.split(":")
    for _ in range(500):
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with {process.returncode} before it listened")
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.01)
    sys.exit(f"nothing listens on {address}")


def start_bench_server(io_threads):
    if not (BUILD / "build.ninja").exists():
        sys.exit("there is no build folder yet; run ./dev build first")
    subprocess.run(["cmake", "--build", BUILD, "--target", "http_bench_server"], check=True,
                   stdout=subprocess.DEVNULL)
    process = subprocess.Popen([BUILD / "bin" / "http_bench_server", "--io-threads", str(io_threads)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return Server("http_bench_server", process, process.stdout.readline().strip())


def start_caisson(program, folder):
    ready = folder / "ready.json"
    process = subprocess.Popen(
        [program, "up", "--data", folder / "data", "--http", "127.0.0.1:0", "--ready-file", ready],
        stdout=subprocess.DEVNULL, cwd=folder)
    for _ in range(1000):
        if process.poll() is not None:
            sys.exit(f"{program} up ended with {process.returncode}")
        if ready.exists() and ready.read_text().strip():
            return Server("caisson up", process, json.loads(ready.read_text())["http"])
        time.sleep(0.01)
    sys.exit(f"{program} up was not ready within 10 s")


def start_nginx(folder, workers):
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(folder=folder, port=port, workers=workers))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([program, "-c", config, "-p", folder, "-e", folder / "error.log"])
    server = Server("nginx", process, f"127.0.0.1:{port}")
    wait_for_port(server.address, process)
    return server


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def measure(server, path, script, connections, seconds):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    if script:
        command += ["-s", script]
    before = server.cpu_seconds()
    output = subprocess.run([*command, f"http://{server.address}{path}"], check=True, capture_output=True,
                            text=True).stdout
    cpu = server.cpu_seconds() - before
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"{server.name} {path}: wrk saw errors\n{output}")
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)),
            "p50_ms": milliseconds(re.search(r"^ +50%\s+(\S+)", output, re.M).group(1)),
            "p99_ms": milliseconds(re.search(r"^ +99%\s+(\S+)", output, re.M).group(1)),
            "cpu_us": cpu * 1e6 / requests}


def run(options, folder):
    post, pipeline = folder / "post.lua", folder / "pipeline.lua"
    post.write_text(POST_SCRIPT)
    pipeline.write_text(PIPELINE_SCRIPT)
    ours = start_bench_server(options.io_threads)
    nginx = start_nginx(folder, options.io_threads)
    servers = [ours, nginx]
    cases = [("GET /livez", nginx, "/livez", None), ("GET /livez", ours, "/livez", None)]
    if options.program:
        servers.append(start_caisson(options.program, folder))
        cases.append(("GET /livez", servers[-1], "/livez", None))
    cases += [("GET /livez, 16 pipelined", nginx, "/livez", pipeline),
              ("GET /livez, 16 pipelined", ours, "/livez", pipeline),
              ("GET, on a worker", ours, "/worker", None),
              ("POST 170 bytes, inline", ours, "/v2/models/delay/infer", post),
              ("POST 170 bytes, on a worker", ours, "/worker/delay/infer", post)]
    cases = [case for case in cases if re.search(options.only, case[0])]
    rounds = [[] for _ in cases]
    try:
        for _ in range(options.rounds):
            for i, (_, server, path, script) in enumerate(cases):
                rounds[i].append(measure(server, path, script, options.connections, options.seconds))
        memory = {server.name: server.memory_mb() for server in servers}
    finally:
        for server in servers:
            server.stop()
    results = []
    for (case, server, _, _), measured in zip(cases, rounds):
        row = {key: statistics.median(entry[key] for entry in measured) for key in measured[0]}
        results.append({"case": case, "server": server.name, **row, "memory_mb": memory[server.name]})
    for row in results:
        peer = next((r for r in results if r["case"] == row["case"] and r["server"] == "nginx"), None)
        row["of_nginx"] = row["rate"] / peer["rate"] if peer else None
    return results


def print_table(results):
    print(f"{'case':28} {'server':18} {'requests/s':>10} {'of nginx':>8} {'p50 ms':>7} {'p99 ms':>7} "
          f"{'CPU us':>7} {'MB':>5}")
    for row in results:
        ratio = f"{row['of_nginx']:.2f}" if row["of_nginx"] else "-"
        print(f"{row['case']:28} {row['server']:18} {row['rate']:10,.0f} {ratio:>8} {row['p50_ms']:7.2f} "
              f"{row['p99_ms']:7.2f} {row['cpu_us']:7.1f} {row['memory_mb']:5.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="for one case in one round")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--io-threads", type=int, default=max(1, (os.cpu_count() or 1) // 2))
    parser.add_argument("--only", default="", help="a regular expression for the cases to measure")
    parser.add_argument("--program", type=pathlib.Path, help="measure this caisson as well")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    options = parser.parse_args()
    for tool in ("wrk", "nginx"):
        if not shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin"):
            sys.exit(f"{tool} is not installed; ./dev setup names the packages")
    if options.program:
        options.program = options.program.resolve()
    with tempfile.TemporaryDirectory(prefix="http_bench") as folder:
        results = run(options, pathlib.Path(folder))
    if options.output == "json":
        print(json.dumps(results, indent=2))
    else:
        print_table(results)
    missed = []
    for row in results:
        if row["case"] == "GET /livez" and row["server"] != "nginx":
            if row["rate"] < GOAL_RATE or row["of_nginx"] < GOAL_RATIO or row["p99_ms"] >= GOAL_P99_MS:
                missed.append(row["server"])
    if missed:
        print(f"goal missed by: {', '.join(missed)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
