"""A disk that is full: an error says so, nothing that was acknowledged is lost, and with space it goes on.

The disk is a small tmpfs of our own. Where mounting is not allowed, as in many containers, it is /dev/shm, which
is small there; where that is large, the tests are skipped, which fails a run in CI.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from support import program, project

INFER = "/v2/models/purchase/infer"
ROW = [3.0, 4.5, 1.0, 12.0]


SHARED_MEMORY = pathlib.Path("/dev/shm")
LARGEST_SHARED_BYTES = 256 << 20


class SmallDisk:
    def __init__(self, folder: pathlib.Path, mebibytes: int):
        folder.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)],
                                 stderr=subprocess.PIPE, text=True)
        self.mounted = mounted.returncode == 0
        if not self.mounted:
            size = os.statvfs(SHARED_MEMORY)
            if size.f_blocks * size.f_frsize > LARGEST_SHARED_BYTES:
                pytest.skip(f"no small disk: {mounted.stderr.strip()}, and {SHARED_MEMORY} is large")
            folder = pathlib.Path(tempfile.mkdtemp(prefix="caisson-", dir=SHARED_MEMORY))
        self.folder = folder

    def fill(self, leave: int = 0):
        """Writes one file until there is no more space, then gives `leave` bytes back."""
        with open(self.folder / "ballast", "ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                block = bytes(size)
                try:
                    while file.write(block) == size:
                        pass
                except OSError:
                    pass
            file.truncate(max(0, file.seek(0, os.SEEK_END) - leave))

    def free(self):
        (self.folder / "ballast").unlink()

    def remove(self):
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def disk(tmp_path):
    small = SmallDisk(tmp_path / "disk", 24)
    yield small
    small.remove()


def says_full(text: str) -> bool:
    return "no space" in text.lower() or "full" in text.lower()


def test_server_on_a_full_disk(fresh, disk):
    data = disk.folder / "data"
    program.run("run", "--data", data, cwd=fresh)
    server = program.Server(fresh, "--data", data)
    acknowledged = [server.post(INFER, project.infer_body(ROW))["parameters"]["prediction_id"] for _ in range(10)]
    disk.fill()

    refused = 0
    for _ in range(200):
        answer = server.request("POST", INFER, json=project.infer_body(ROW))
        if answer.status_code == 200:
            acknowledged.append(answer.json()["parameters"]["prediction_id"])
        else:
            refused += 1
            assert answer.status_code in (500, 503, 507, 413, 429) and says_full(answer.json()["error"]), answer.text
    assert refused > 0
    put = server.request("PUT", "/api/v1/endpoints/other", json={"model": "purchase@champion"})
    while put.status_code == 200:
        put = server.request("PUT", f"/api/v1/endpoints/other{refused}", json={"model": "purchase@champion"})
        refused += 1
        assert refused < 2000, "the full disk took everything"
    assert put.status_code in (429, 503, 507) and says_full(put.text), put.text
    assert server.request("GET", "/livez").status_code == 200
    server.get("/api/v1/endpoints/purchase")

    disk.free()
    acknowledged += [server.post(INFER, project.infer_body(ROW))["parameters"]["prediction_id"] for _ in range(10)]
    assert server.request("PUT", "/api/v1/endpoints/last", json={"model": "purchase@champion"}).status_code == 200
    server.kill()
    server.start()
    for prediction in acknowledged:
        server.get(f"/api/v1/explain/prediction/{prediction}")
    assert server.get("/api/v1/endpoints/purchase")["predictions"] == len(acknowledged)
    server.stop()


@pytest.mark.parametrize("leave", [0, 100 << 10, 700 << 10, 1500 << 10, 2500 << 10])
def test_run_on_a_full_disk(leave, template, disk, tmp_path):
    """Project, cache and data folder on the full disk. Where the run's own state finds no space it waits and says
    so, and goes on by itself; where a stage finds none the run fails. Either way the next run completes it."""
    folder = project.copy(template, disk.folder / "project")
    disk.fill(leave)
    output = tmp_path / "output"
    with open(output, "w") as file:
        process = subprocess.Popen([str(program.PROGRAM), "run"], cwd=folder, env=program.environment(), stdout=file,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    program.wait_for(lambda: process.poll() is not None or says_full(output.read_text()), "a word about the disk", 120)
    disk.free()
    assert process.wait(timeout=120) in (0, 1)
    if process.returncode == 1:
        assert says_full(output.read_text()), output.read_text()
    program.run("run", cwd=folder)
    (version,) = program.run("models", "list", "-o", "json", cwd=folder).json()["items"]
    assert version["aliases"] == ["champion"]
    assert len(program.run("runs", "list", "-o", "json", cwd=folder).json()["items"]) == 2


def test_start_on_a_full_disk(disk):
    disk.fill()
    ended = program.run("up", "--http", "127.0.0.1:0", "--data", disk.folder / "data", cwd=disk.folder, code=1, seconds=60)
    assert says_full(ended.err)
