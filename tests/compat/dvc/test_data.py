"""What one tool adds, the other finds clean and puts back."""

import shutil

CLEAN = "Data and pipelines are up to date.\n"


def test_what_caisson_adds_is_clean_to_dvc(repository):
    repository.write_tree()
    repository.write("data/flights.csv", "a,b\n1,2\n")
    repository.write("data/tool", "#!/bin/sh\n", 0o755)
    repository.caisson("data", "add", "tree", "data/flights.csv", "data/tool")
    assert repository.dvc("status") == CLEAN
    status = repository.dvc_json("data", "status", "--json")
    assert not status.get("uncommitted") and not status.get("not_in_cache"), status
    # Nothing is left for dvc to do, to the byte.
    files = {name: (repository.folder / name).read_bytes() for name in ("tree.dvc", "data/flights.csv.dvc", "data/tool.dvc")}
    repository.dvc("add", "-q", "tree", "data/flights.csv", "data/tool")
    assert files == {name: (repository.folder / name).read_bytes() for name in files}


def test_what_dvc_adds_is_clean_to_caisson(repository):
    repository.write_tree()
    repository.write("data/flights.csv", "a,b\n1,2\n")
    repository.dvc("add", "-q", "tree", "data/flights.csv")
    assert repository.states() == {"tree": "unchanged", "data/flights.csv": "unchanged"}
    before = {path: path.read_bytes() for path in repository.folder.rglob("*.dvc") if path.is_file()}
    objects = repository.cache()
    repository.caisson("data", "add", "tree", "data/flights.csv")
    assert before == {path: path.read_bytes() for path in before}
    assert repository.cache() == objects


def test_both_make_the_same_repository(tmp_path, repository):
    repository.write_tree()
    repository.caisson("data", "add", "tree")
    ours = repository.cache()
    ours_file = (repository.folder / "tree.dvc").read_bytes()
    ignored = repository.folder / ".gitignore"
    ours_ignored = ignored.read_text() if ignored.exists() else None
    shutil.rmtree(repository.folder / ".dvc/cache")
    (repository.folder / "tree.dvc").unlink()
    ignored.unlink(missing_ok=True)
    repository.dvc("add", "-q", "tree")
    assert repository.cache() == ours
    assert (repository.folder / "tree.dvc").read_bytes() == ours_file
    assert (ignored.read_text() if ignored.exists() else None) == ours_ignored


def test_checkout_both_ways(repository):
    repository.write_tree()
    repository.write("a.sh", "#!/bin/sh\n", 0o755)
    contents = {path: path.read_bytes() for path in (repository.folder / "tree").rglob("*") if path.is_file()}
    repository.caisson("data", "add", "tree", "a.sh")
    shutil.rmtree(repository.folder / "tree")
    (repository.folder / "a.sh").unlink()
    repository.dvc("checkout", "-q")
    assert {path: path.read_bytes() for path in contents} == contents
    repository.write("tree/plain.txt", "changed\n")
    repository.dvc("add", "-q", "tree")
    shutil.rmtree(repository.folder / "tree")
    (repository.folder / "a.sh").unlink()
    assert repository.states() == {"tree": "missing", "a.sh": "missing"}
    repository.caisson("data", "checkout", "tree", "a.sh")
    assert repository.dvc("status") == CLEAN
    assert (repository.folder / "tree/plain.txt").read_text() == "changed\n"
    assert (repository.folder / "a.sh").stat().st_mode & 0o100


def test_changes_are_seen_by_both(repository):
    repository.write("a", "one\n")
    repository.write("d/x", "x\n")
    repository.caisson("data", "add", "a", "d")
    repository.write("a", "two\n")
    repository.write("d/y", "y\n")
    assert repository.states() == {"a": "modified", "d": "modified"}
    status = repository.dvc_json("status", "--json")
    assert status == {"a.dvc": [{"changed outs": {"a": "modified"}}], "d.dvc": [{"changed outs": {"d": "modified"}}]}
    repository.caisson("data", "add", "a", "d")
    assert repository.dvc("status") == CLEAN


def test_ignored_files_are_ignored_alike(repository):
    repository.write(".dvcignore", "*.tmp\n!keep.tmp\n/tree/top\nbuild/\ntree/**/*.log\n\\#odd\n[a-c]x\n")
    for name in ("a.tmp", "keep.tmp", "top", "sub/top", "build/x", "sub/build", "sub/deep/a.log", "#odd", "bx", "dx", "plain"):
        repository.write(f"tree/{name}", name)
    repository.caisson("data", "add", "tree")
    ours = (repository.folder / "tree.dvc").read_bytes()
    assert repository.dvc("status") == CLEAN
    (repository.folder / "tree.dvc").unlink()
    repository.dvc("add", "-q", "tree")
    assert (repository.folder / "tree.dvc").read_bytes() == ours


def test_annotations_survive(repository):
    repository.write("a", "one\n")
    repository.dvc("add", "-q", "a")
    file = repository.folder / "a.dvc"
    file.write_text(file.read_text() + "  desc: my data\nmeta:\n  owner: someone\n")
    repository.write("a", "two\n")
    repository.caisson("data", "add", "a")
    text = file.read_text()
    assert "desc: my data" in text and "owner: someone" in text
    assert repository.dvc("status") == CLEAN


def test_caisson_makes_a_repository_that_dvc_knows(plain):
    plain.write("a", "one\n")
    plain.caisson("data", "add", "a")
    assert plain.dvc("status") == CLEAN
    assert (plain.folder / ".dvc/config").read_text() == "[core]\n    no_scm = True\n"


def test_a_cache_elsewhere_is_found(repository, tmp_path):
    repository.dvc("config", "cache.dir", str(tmp_path / "elsewhere"))
    repository.write("a", "one\n")
    repository.caisson("data", "add", "a")
    assert repository.dvc("status") == CLEAN
    assert any((tmp_path / "elsewhere").rglob("*"))
