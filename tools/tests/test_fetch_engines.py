"""Nothing gets its name before its hash is right, and what is present is not fetched again."""

import hashlib
import io
import json
import tarfile
import zipfile

import pytest

import fetch_engines
from python_env import SetupError

CONTENT = b"a library"


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_engines, "ENGINES", tmp_path / "engines")
    return {"name": "toy", "client": "npm", "package": "toy", "version": "1", "into": "engines",
            "files": [{"from": "package/lib.so", "to": "lib.so", "bytes": len(CONTENT),
                       "sha256": hashlib.sha256(CONTENT).hexdigest()}],
            "links": {"alias.so": "lib.so"}}


def tgz(path, content: bytes):
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("package/lib.so")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path


def whl(path, content: bytes):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("package/lib.so", content)
    return path


@pytest.mark.parametrize("pack, name", [(tgz, "toy.tgz"), (whl, "toy.whl")])
def test_files_are_kept_from_either_kind_of_archive(package, tmp_path, pack, name):
    assert not fetch_engines.is_present(package)
    fetch_engines.unpack(package, pack(tmp_path / name, CONTENT))
    assert (tmp_path / "engines/toy/alias.so").read_bytes() == CONTENT
    assert fetch_engines.is_present(package)


def test_a_wrong_hash_leaves_nothing_behind(package, tmp_path):
    with pytest.raises(SetupError, match="package/lib.so has SHA-256"):
        fetch_engines.unpack(package, tgz(tmp_path / "toy.tgz", b"A library"))
    assert list((tmp_path / "engines/toy").iterdir()) == []


def test_a_changed_lock_entry_or_a_cut_file_is_fetched_again(package, tmp_path):
    fetch_engines.unpack(package, tgz(tmp_path / "toy.tgz", CONTENT))
    assert not fetch_engines.is_present({**package, "version": "2"})
    (tmp_path / "engines/toy/lib.so").write_bytes(CONTENT[:-1])
    assert not fetch_engines.is_present(package)


def test_every_entry_of_the_lock_is_pinned():
    for package in json.loads(fetch_engines.LOCK.read_text())["packages"]:
        for pinned in [package, *package["files"]]:
            assert len(bytes.fromhex(pinned["sha256"])) == 32
            assert pinned["bytes"] > 0
        assert package["licence"] and package["version"]
