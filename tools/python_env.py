#!/usr/bin/env python3
"""Makes the locked Python environments of the tests, one a group.

    tools/python_env.py mlflow tests      # build/venv/mlflow and build/venv/tests
    tools/python_env.py --lock mlflow     # resolve mlflow.in anew and write mlflow.txt

A group is tests/compat/requirements/GROUP.in (what we ask for) and GROUP.txt (the whole answer with
hashes). An environment is complete when its stamp holds the hash of GROUP.txt, so a second call is
instant and a changed lock file makes the environment anew.
"""

import argparse
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "tests" / "compat" / "requirements"
ENVIRONMENTS = ROOT / "build" / "venv"
PYTHON = "3.11"
ATTEMPTS = 3


class SetupError(Exception):
    """What failed, why, and the next step; shown to the user without a trace."""


def run_client(command: list[str], what: str, environment: dict[str, str] | None = None) -> str:
    """Runs a package client, twice more when it fails, and returns what it printed."""
    for attempt in range(1, ATTEMPTS + 1):
        result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                env={**os.environ, **(environment or {})})
        if result.returncode == 0:
            return result.stdout
        if attempt < ATTEMPTS:
            time.sleep(attempt)
    tail = "\n".join("    " + line for line in (result.stdout + result.stderr).splitlines()[-12:])
    raise SetupError(
        f"{what}: the package client failed {ATTEMPTS} times. Its last words:\n{tail}\n"
        "  If this machine has no network, run `./dev setup` once where there is one and copy build/"
        " over; if it needs a mirror or a proxy, set it in the configuration of pip and npm.")


def lock_file(group: str) -> pathlib.Path:
    path = REQUIREMENTS / f"{group}.txt"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in REQUIREMENTS.glob("*.txt")))
        raise SetupError(f"no group `{group}`: {path.relative_to(ROOT)} does not exist; "
                         f"known groups: {known}")
    return path


def installer() -> pathlib.Path:
    """The environment that holds pip and uv; pip installs uv from its own lock file."""
    home = ENVIRONMENTS / ".uv"
    if not is_current(home, "uv"):
        shutil.rmtree(home, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(home)], capture_output=True,
                              text=True)
        if made.returncode != 0:
            raise SetupError(f"python3 -m venv failed: {(made.stdout + made.stderr).strip()}\n"
                             "  Debian keeps it in a package of its own: apt-get install python3-venv")
        run_client([str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps",
                    "--only-binary=:all:", "--require-hashes", "-r", str(lock_file("uv"))], "uv")
        write_stamp(home, "uv")
    return home


def stamp(group: str) -> str:
    return hashlib.sha256(lock_file(group).read_bytes()).hexdigest() + "\n"


def is_current(home: pathlib.Path, group: str) -> bool:
    file = home / "lock.sha256"
    return file.exists() and file.read_text() == stamp(group)


def write_stamp(home: pathlib.Path, group: str) -> None:
    (home / "lock.sha256").write_text(stamp(group))


def ensure(group: str) -> pathlib.Path:
    """Returns the folder of the group's environment, made from its lock file where needed."""
    home = ENVIRONMENTS / group
    if is_current(home, group):
        return home
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with open(ENVIRONMENTS / ".lock", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if is_current(home, group):
            return home
        uv = str(installer() / "bin/uv")
        offline = {"UV_PYTHON_DOWNLOADS": "never"}
        started = time.monotonic()
        run_client([uv, "venv", "--quiet", "--clear", "--python", PYTHON, str(home)], group, offline)
        run_client([uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:",
                    "--require-hashes", "--python", str(home / "bin/python"),
                    "-r", str(lock_file(group))], group, offline)
        write_stamp(home, group)
        print(f"python environment {group}: made in {time.monotonic() - started:.1f} s", flush=True)
    return home


def lock(group: str) -> None:
    source = REQUIREMENTS / f"{group}.in"
    if not source.exists():
        raise SetupError(f"no group `{group}`: {source.relative_to(ROOT)} does not exist")
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    run_client([str(installer() / "bin/uv"), "pip", "compile", "--quiet", "--generate-hashes",
                "--no-emit-index-url", "--no-emit-find-links", "--only-binary", ":all:",
                "--custom-compile-command", f"tools/python_env.py --lock {group}",
                "--python-version", PYTHON, "--python-platform", "x86_64-manylinux_2_28",
                str(source), "--output-file", str(source.with_suffix(".txt"))], f"lock {group}")
    print(f"locked {source.with_suffix('.txt').relative_to(ROOT)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="+", metavar="GROUP")
    parser.add_argument("--lock", action="store_true",
                        help="resolve GROUP.in anew instead of installing GROUP.txt")
    arguments = parser.parse_args()
    try:
        for group in arguments.groups:
            lock(group) if arguments.lock else ensure(group)
    except SetupError as error:
        print(f"python_env: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
