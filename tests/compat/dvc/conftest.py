"""One repository that the real `dvc` and `caisson data` take turns on."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("CAISSON_BINARY", str(ROOT / "build/bin/caisson"))


class Dvc:
    """The real client, imported once for all commands (see dvc_forks.py)."""

    def __init__(self, folder: pathlib.Path):
        self.output = folder / "output"
        self.process = subprocess.Popen([sys.executable, str(pathlib.Path(__file__).with_name("dvc_forks.py"))],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, words: list[str], folder: pathlib.Path, environment: dict[str, str]) -> tuple[int, str]:
        command = {"words": words, "folder": str(folder), "environment": environment, "output": str(self.output)}
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return code, self.output.read_text()


@pytest.fixture(scope="session")
def dvc(tmp_path_factory):
    client = Dvc(tmp_path_factory.mktemp("dvc"))
    yield client
    client.process.stdin.close()
    client.process.wait(timeout=30)


class Repository:
    """A folder with both tools. Nothing of the user's own settings is seen."""

    def __init__(self, folder: pathlib.Path, client: Dvc, git: bool):
        self.client = client
        self.folder = folder / "repository"
        self.folder.mkdir()
        home = folder / "home"
        home.mkdir()
        self.env = {**os.environ, "HOME": str(home), "DVC_NO_ANALYTICS": "true",
                    "DVC_SITE_CACHE_DIR": str(folder / "site"), "DVC_GLOBAL_CONFIG_DIR": str(home),
                    "DVC_SYSTEM_CONFIG_DIR": str(home), "GIT_CONFIG_NOSYSTEM": "1", "COLUMNS": "200",
                    "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org",
                    "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org",
                    "CAISSON_ENGINES_DIR": os.environ.get("CAISSON_ENGINES_DIR", str(ROOT / "build/engines")),
                    "PATH": f"{pathlib.Path(PROGRAM).parent}:{os.environ['PATH']}"}
        if git:
            self._run(["git", "init", "-q", "."], 0)

    def _run(self, command: list[str], code: int | None) -> str:
        ended = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True,
                               stdin=subprocess.DEVNULL)
        if code is not None:
            assert ended.returncode == code, f"{command}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def dvc(self, *words: str, code: int | None = 0) -> str:
        ended, output = self.client.run(list(words), self.folder, self.env)
        assert code is None or ended == code, f"dvc {words}: {ended}\n{output}"
        return output

    def dvc_json(self, *words: str):
        return json.loads(self.dvc(*words))

    def caisson(self, *words: str, code: int | None = 0) -> str:
        return self._run([PROGRAM, *words], code)

    def caisson_json(self, *words: str):
        return json.loads(self.caisson(*words, "-o", "json"))

    def states(self) -> dict[str, str]:
        """What `caisson data status` says, by path."""
        return {item["path"]: item["state"] for item in self.caisson_json("data", "status")}

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> pathlib.Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def write_tree(self):
        """A folder with what trips tools up: accents, spaces, empty and executable files, CRLF, depth."""
        self.write("tree/plain.txt", "plain\n")
        self.write("tree/empty", "")
        self.write("tree/crlf.txt", "a\r\nb\r\n")
        self.write("tree/run.sh", "#!/bin/sh\n", 0o755)
        self.write("tree/with space/é ü.txt", "accents\n")
        self.write("tree/emoji \U0001f600", "emoji\n")
        self.write("tree/" + "/".join("deep" for _ in range(10)) + "/leaf", "leaf\n")
        self.write("tree/same.txt", "plain\n")
        self.write("tree/big.bin", bytes(range(256)) * 12000)

    def cache(self) -> dict[str, int]:
        """The objects of the cache and their permission bits."""
        root = self.folder / ".dvc/cache/files/md5"
        return {str(path.relative_to(root)): path.stat().st_mode & 0o777 for path in root.rglob("*") if path.is_file()}


@pytest.fixture(params=["git", "plain"])
def repository(request, dvc, tmp_path) -> Repository:
    made = Repository(tmp_path, dvc, git=request.param == "git")
    made.dvc("init", "-q", *([] if request.param == "git" else ["--no-scm"]))
    return made


@pytest.fixture
def plain(dvc, tmp_path) -> Repository:
    """Without git and not initialised."""
    return Repository(tmp_path, dvc, git=False)
