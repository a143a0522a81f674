"""The built program, driven as its users do: commands, a server, and nothing of its insides.

CAISSON_BINARY names another program than build/bin/caisson. This module needs `requests` alone, so that the
environment of every group can import it.
"""

import atexit
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("CAISSON_BINARY", ROOT / "build/bin/caisson")).resolve()
START_SECONDS = 60
STOP_SECONDS = 60
COMMAND_SECONDS = 240
POLL_SECONDS = 0.02


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without settings of Caisson, but for where the native engines are."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("CAISSON_") or name in ("CAISSON_ENGINES_DIR",)}
    kept["CAISSON_ENGINES_DIR"] = kept.get("CAISSON_ENGINES_DIR", str(ROOT / "build/engines"))
    kept.pop("CI", None)
    return {**kept, **(extra or {})}


@dataclasses.dataclass
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)

    def json_lines(self) -> list:
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]


def run(*words, cwd, code: int | None = 0, env: dict[str, str] | None = None,
        seconds: float = COMMAND_SECONDS) -> Outcome:
    """Runs `caisson WORDS`; the exit code must be `code` unless that is None."""
    ended = subprocess.run([str(PROGRAM), *map(str, words)], cwd=cwd, env=environment(env), text=True,
                           capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds)
    outcome = Outcome(ended.returncode, ended.stdout, ended.stderr)
    if code is not None:
        assert outcome.code == code, (f"caisson {' '.join(map(str, words))}: ended with {outcome.code}, "
                                      f"not {code}\n{outcome.out[-3000:]}\n{outcome.err[-3000:]}")
    return outcome


def wait_for(condition, what: str, seconds: float = 60):
    """Returns the first true answer of `condition`, asked again and again."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := condition():
            return answer
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(POLL_SECONDS)


class Server:
    """A running `caisson up` and its folder. Every request goes over one keep-alive session."""

    def __init__(self, folder, *flags, env: dict[str, str] | None = None):
        self.folder = pathlib.Path(folder)
        self.flags = [str(flag) for flag in flags]
        self.env = env
        self.log_file = self.folder / "server.log"
        self.session = requests.Session()
        self.start()

    def start(self):
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        address = [] if "--http" in self.flags else ["--http", "127.0.0.1:0"]
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(
                [str(PROGRAM), "up", *address, "--ready-file", str(ready), *self.flags], cwd=self.folder,
                env=environment(self.env), stdout=log, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, start_new_session=True)
        atexit.register(self.process.kill)  # a test that failed leaves none behind

        def is_ready():
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.log()[-3000:]}"
            return ready.exists()

        wait_for(is_ready, "the ready-file", START_SECONDS)
        self.ready = json.loads(ready.read_text())
        self.url = "http://" + self.ready["http"]
        return self

    def log(self) -> str:
        return self.log_file.read_text()

    def kill(self):
        """As a power cut does to a process: no handler runs."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.session.close()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=STOP_SECONDS)
        self.session.close()
        assert code == 0, f"the server ended with {code}:\n{self.log()[-3000:]}"

    def request(self, method: str, path: str, **arguments) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=COMMAND_SECONDS, **arguments)

    def get(self, path: str, status: int = 200):
        answer = self.request("GET", path)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, body, status: int = 200):
        answer = self.request("POST", path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()


@contextlib.contextmanager
def serving(folder, *flags, env: dict[str, str] | None = None):
    """A server for the length of a `with`; it must end cleanly when the body did."""
    server = Server(folder, *flags, env=env)
    try:
        yield server
    except BaseException:
        server.kill()
        print(server.log()[-4000:])
        raise
    server.stop()


def processes_of_session(session: int) -> list[int]:
    """The processes of a session that run, without zombies."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found
