"""Files that were torn or damaged under us: what is whole is used, what is not is named."""

import json
import pathlib
import random
import re
import sqlite3

import pytest
import requests

from support import program, project

INFER = "/v2/models/purchase/infer"
ROW = [3.0, 4.5, 1.0, 12.0]


@pytest.fixture
def ran(fresh):
    program.run("run", cwd=fresh)
    return fresh


def ask(server, count: int) -> list[str]:
    return [server.post(INFER, project.infer_body(ROW))["parameters"]["prediction_id"] for _ in range(count)]


def start_must_fail(folder) -> str:
    ended = program.run("up", "--http", "127.0.0.1:0", cwd=folder, code=1, seconds=60)
    assert "error: " in ended.err
    return ended.err


@pytest.mark.parametrize("damage", ["cut", "half", "garbage", "flipped"])
def test_torn_write_ahead_log(damage, ran):
    """SQLite's log loses at most what its damaged tail held; the program opens and what is older is there."""
    server = program.Server(ran)
    server.request("PUT", "/api/v1/endpoints/other", json={"model": "purchase@champion"}).raise_for_status()
    server.kill()
    wal = ran / "caisson-data/caisson.db-wal"
    content = bytearray(wal.read_bytes())
    assert len(content) > 4096
    if damage == "cut":
        content = content[:-137]
    elif damage == "half":
        content = content[:len(content) // 2]
    elif damage == "garbage":
        content += random.Random(1).randbytes(5000)
    else:
        content[-2000] ^= 0xFF
    wal.write_bytes(content)
    with program.serving(ran) as again:
        names = {endpoint["name"] for endpoint in again.get("/api/v1/endpoints")["items"]}
        assert "purchase" in names
        if damage == "garbage":
            assert "other" in names
        ask(again, 3)
    with sqlite3.connect(ran / "caisson-data/caisson.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("name", ["caisson.db", "metrics.db"])
def test_database_that_is_none(name, ran):
    (ran / "caisson-data" / name).write_bytes(b"this is not a database" * 500)
    assert name in start_must_fail(ran)


def test_database_with_a_hole(ran):
    """Every page but the first is overwritten: an error that names the file, not a crash."""
    file = ran / "caisson-data/caisson.db"
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)
    assert "caisson.db" in start_must_fail(ran)


def newest_segment(folder: pathlib.Path) -> pathlib.Path:
    return max((folder / "caisson-data/predictions/purchase").glob("p-*.seg"))


@pytest.mark.parametrize("torn", [1, 5, 60])
def test_torn_end_of_a_prediction_segment(torn, ran):
    server = program.Server(ran)
    ids = ask(server, 20)
    server.kill()
    segment = newest_segment(ran)
    segment.write_bytes(segment.read_bytes()[:-torn])
    with program.serving(ran) as again:
        assert again.get("/api/v1/endpoints/purchase")["predictions"] == 19
        for prediction in ids[:19]:
            again.get(f"/api/v1/explain/prediction/{prediction}")
        assert again.request("GET", f"/api/v1/explain/prediction/{ids[19]}").status_code == 404
        (new,) = ask(again, 1)
        again.get(f"/api/v1/explain/prediction/{new}")


def test_part_of_a_record_at_the_end(ran):
    server = program.Server(ran)
    ids = ask(server, 5)
    server.kill()
    segment = newest_segment(ran)
    content = segment.read_bytes()
    segment.write_bytes(content + content[8:30])
    with program.serving(ran) as again:
        assert again.get("/api/v1/endpoints/purchase")["predictions"] == 5
        for prediction in ids + ask(again, 1):
            again.get(f"/api/v1/explain/prediction/{prediction}")


def test_damage_inside_a_segment_costs_that_segment(ran):
    """The endpoint goes on into a new segment; what is damaged is named and not guessed."""
    server = program.Server(ran)
    ids = ask(server, 50)
    server.kill()
    segment = newest_segment(ran)
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    with program.serving(ran) as again:
        assert segment.name in again.log()
        for prediction in ask(again, 3):
            again.get(f"/api/v1/explain/prediction/{prediction}")
        answers = [again.request("GET", f"/api/v1/explain/prediction/{prediction}") for prediction in ids]
        damaged = [answer for answer in answers if answer.status_code != 200]
        assert damaged and all(answer.status_code in (404, 500) for answer in damaged)
        assert newest_segment(ran) != segment


@pytest.mark.parametrize("damage", ["cut", "gone", "other"])
def test_damaged_blob_of_the_served_model(damage, ran):
    version = program.run("models", "show", "purchase", "1", "-o", "json", cwd=ran).json()
    (digest,) = [file["sha256"] for file in version["files"] if file["path"] == "model.onnx"]
    (blob,) = [path for path in (ran / "caisson-data/blobs").rglob("*") if digest in str(path).replace("/", "") and path.is_file()
               or path.name == digest]
    if damage == "gone":
        blob.unlink()
    else:
        content = blob.read_bytes()
        blob.chmod(0o600)
        blob.write_bytes(content[:len(content) // 2] if damage == "cut" else bytes(len(content)))
    with program.serving(ran) as server:
        answer = server.request("POST", INFER, json=project.infer_body(ROW))
        assert answer.status_code == 503, answer.text
        assert "purchase" in answer.json()["error"]
        assert server.request("GET", "/livez").status_code == 200
        assert re.search(r"endpoint purchase: version 1 does not load", server.log())


def test_unfinished_blob_is_no_blob(ran):
    """What a killed write left under a temporary name changes nothing."""
    for folder in {path.parent for path in (ran / "caisson-data/blobs").rglob("*") if path.is_file()}:
        (folder / ".tmp-1234").write_bytes(b"half")
    with program.serving(ran) as server:
        ask(server, 2)


def test_lock_file_with_nonsense(ran):
    """A holder that was killed while it wrote leaves part of a line; the lock itself is the kernel's."""
    (ran / "caisson-data/lock").write_text('{"pid": 12, "sin')
    with program.serving(ran) as server:
        assert json.loads((ran / "caisson-data/lock").read_text())["pid"] == server.process.pid


def test_version_file_with_nonsense(ran):
    (ran / "caisson-data/version").write_text("one")
    assert "caisson-data/version" in start_must_fail(ran)
