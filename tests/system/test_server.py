"""`caisson up`: how it starts, whom it lets in, how it ends."""

import concurrent.futures
import json
import os
import signal
import socket
import threading
import time

import pytest
import requests

from support import program, project

INFER = "/v2/models/purchase/infer"
ROW = [3.0, 4.5, 1.0, 12.0]


def test_ready_file_names_address_and_process(tmp_path):
    with program.serving(tmp_path) as server:
        assert server.ready["pid"] == server.process.pid
        host, port = server.ready["http"].split(":")
        assert host == "127.0.0.1" and int(port) > 0
        assert requests.get(f"http://{host}:{port}/livez", timeout=10).status_code == 200


def test_empty_folder_is_all_it_needs(tmp_path):
    with program.serving(tmp_path) as server:
        assert server.get("/readyz")["ready"] is True
        assert server.get("/api/v1/endpoints") == {"items": []}
    made = {entry.name for entry in (tmp_path / "caisson-data").iterdir()}
    assert {"caisson.db", "metrics.db", "lock", "version"} <= made


def test_log_is_json_lines_when_nobody_watches(tmp_path):
    with program.serving(tmp_path) as server:
        pass
    lines = [json.loads(line) for line in server.log().splitlines()]
    assert all({"time", "level", "component", "message"} <= set(line) for line in lines)
    assert any("serves http://" in line["message"] for line in lines)


def test_second_process_is_told_who_holds_the_folder(tmp_path):
    with program.serving(tmp_path) as server:
        holder = json.loads((tmp_path / "caisson-data/lock").read_text())
        assert holder["pid"] == server.process.pid and holder["http_address"] == server.ready["http"]
        ended = program.run("up", "--http", "127.0.0.1:0", cwd=tmp_path, code=6)
        for word in (str(server.process.pid), "caisson up", holder["since"], server.ready["http"]):
            assert word in ended.err
    # The lock goes with its holder, not with its file.
    with program.serving(tmp_path):
        assert (tmp_path / "caisson-data/lock").exists()


def test_newer_data_folder_is_not_touched(tmp_path):
    with program.serving(tmp_path):
        pass
    version = tmp_path / "caisson-data/version"
    version.write_text('{"format": 99, "written_by": "42.0"}\n')
    before = (tmp_path / "caisson-data/caisson.db").read_bytes()
    for words in (["up", "--http", "127.0.0.1:0"], ["models", "list"]):
        ended = program.run(*words, cwd=tmp_path, code=1)
        assert "99" in ended.err and "42.0" in ended.err and "caisson-data" in ended.err
    assert (tmp_path / "caisson-data/caisson.db").read_bytes() == before


def test_newer_tables_are_refused(tmp_path):
    import sqlite3

    with program.serving(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "caisson-data/caisson.db") as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(caisson_migrations)")]
        rows = database.execute("SELECT * FROM caisson_migrations WHERE module = 'serving'").fetchall()
        newer = dict(zip(columns, rows[-1]))
        number = next(name for name in columns if name in ("number", "version", "step"))
        newer[number] = 999
        database.execute(f"INSERT INTO caisson_migrations ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                         list(newer.values()))
    ended = program.run("up", "--http", "127.0.0.1:0", cwd=tmp_path, code=1)
    assert "999" in ended.err and "serving" in ended.err


def test_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = program.run("up", "--http", f"127.0.0.1:{port}", "--ready-file", "ready.json", cwd=tmp_path, code=None)
    assert ended.code not in (0, 2) and f"127.0.0.1:{port}" in ended.err and "holds the port" in ended.err
    assert not (tmp_path / "ready.json").exists()


@pytest.mark.parametrize("address", ["127.0.0.1", "nonsense:1", "127.0.0.1:99999", "127.0.0.1:x", ":0x"])
def test_addresses_that_are_none(address, tmp_path):
    ended = program.run("up", "--http", address, cwd=tmp_path, code=None, seconds=20)
    assert ended.code != 0 and address in ended.err


def test_more_addresses(tmp_path):
    with program.serving(tmp_path, "--listen", "127.0.0.1:0") as server:
        ports = set()
        for line in open("/proc/net/tcp").read().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                ports.add((fields[9], int(fields[1].split(":")[1], 16)))
        inodes = {os.readlink(link).split("[")[1][:-1] for link in open_sockets(server.process.pid)}
        mine = {port for inode, port in ports if inode in inodes}
        assert len(mine) == 2
        for port in mine:
            assert requests.get(f"http://127.0.0.1:{port}/livez", timeout=10).status_code == 200


def open_sockets(pid: int) -> list[str]:
    folder = f"/proc/{pid}/fd"
    links = [f"{folder}/{name}" for name in os.listdir(folder)]
    return [link for link in links if os.path.exists(link) or os.path.islink(link) if os.readlink(link).startswith("socket:")]


class TestLogin:
    def test_other_addresses_need_a_token_file(self, tmp_path):
        for address in ("0.0.0.0:0", "[::]:0"):
            ended = program.run("up", "--http", address, cwd=tmp_path, code=None, seconds=30)
            assert ended.code != 0 and "--token-file" in ended.err and "127.0.0.1" in ended.err

    def test_token_opens_another_address(self, tmp_path):
        made = program.run("token", "create", "alice", "--file", "tokens", "-o", "json", cwd=tmp_path).json()
        file = tmp_path / "tokens"
        assert file.stat().st_mode & 0o777 == 0o600 and made["token"] not in file.read_text()
        with program.serving(tmp_path, "--http", "0.0.0.0:0", "--token-file", file) as server:
            url = f"http://127.0.0.1:{server.ready['http'].rpartition(':')[2]}"

            def status(path, token=None):
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                return requests.get(url + path, headers=headers, timeout=10).status_code

            assert [status(path) for path in ("/livez", "/readyz", "/v2/health/ready")] == [200] * 3
            for path in ("/api/v1/endpoints", "/v2/models/x", "/api/2.0/mlflow/experiments/get?experiment_id=0"):
                assert status(path) == 401 and status(path, made["token"][:-1] + "?") == 401
            assert status("/api/v1/endpoints", made["token"]) == 200
            basic = requests.get(url + "/api/v1/endpoints", auth=("anybody", made["token"]), timeout=10)
            assert basic.status_code == 200
            denied = requests.get(url + "/api/v1/endpoints", timeout=10)
            assert denied.headers["WWW-Authenticate"]

    @pytest.mark.parametrize("text", ["", "alice\n", "alice:xyz\n", None])
    def test_bad_token_files_are_refused(self, text, tmp_path):
        if text is not None:
            (tmp_path / "tokens").write_text(text)
        ended = program.run("up", "--http", "127.0.0.1:0", "--token-file", "tokens", cwd=tmp_path, code=None, seconds=30)
        assert ended.code != 0 and "tokens" in ended.err


class TestSettings:
    def settings(self, folder, *flags, **env):
        answer = program.run("up", "--show-config", *flags, cwd=folder, env=env).json()
        return {entry["name"]: (str(entry["value"]), entry["origin"]) for entry in answer} if isinstance(answer, list) else {
            name: (str(entry["value"]), entry["origin"]) for name, entry in answer.items()}

    def test_flag_beats_environment_beats_file_beats_default(self, tmp_path):
        value, origin = self.settings(tmp_path)["http"]
        assert (value, "default" in origin) == ("127.0.0.1:4600", True)
        (tmp_path / "caisson.yaml").write_text("project: p\nserver:\n  http: 127.0.0.1:1001\n  workers: 3\n")
        value, origin = self.settings(tmp_path)["http"]
        assert (value, origin) == ("127.0.0.1:1001", "file")
        value, origin = self.settings(tmp_path, CAISSON_HTTP="127.0.0.1:1002")["http"]
        assert (value, origin) == ("127.0.0.1:1002", "environment")
        settings = self.settings(tmp_path, "--http", "127.0.0.1:1003", CAISSON_HTTP="127.0.0.1:1002")
        assert settings["http"] == ("127.0.0.1:1003", "flag")
        assert settings["workers"][0] == "3"

    @pytest.mark.parametrize("text, said", [
        ("server: {htp: 127.0.0.1:0}", ["htp", "http"]),
        ("server: {workers: many}", ["workers", "many"]),
        ("server: {log-level: loud}", ["loud", "debug"]),
    ])
    def test_mistakes_in_the_file(self, text, said, tmp_path):
        (tmp_path / "caisson.yaml").write_text(f"project: p\n{text}\n")
        ended = program.run("up", "--http", "127.0.0.1:0", cwd=tmp_path, code=2, seconds=30)
        for word in said:
            assert word in ended.err

    @pytest.mark.parametrize("name, said", [("CAISSON_HTPP", "CAISSON_HTTP"), ("CAISSON_WORKER", "CAISSON_WORKERS")])
    def test_unknown_variables(self, name, said, tmp_path):
        ended = program.run("up", "--http", "127.0.0.1:0", cwd=tmp_path, code=2, env={name: "1"}, seconds=30)
        assert name in ended.err and said in ended.err

    def test_unknown_flag(self, tmp_path):
        assert "--htpp" in program.run("up", "--htpp", "1", cwd=tmp_path, code=2, seconds=30).err


class TestEnd:
    def test_sigterm_answers_what_is_in_flight(self, fresh):
        """A request whose body was half sent when the signal came is answered; new connections are not taken."""
        program.run("run", cwd=fresh)
        server = program.Server(fresh)
        body = json.dumps(project.infer_body(ROW)).encode()
        host, port = server.ready["http"].split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            head = f"POST {INFER} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body[:20])
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            program.wait_for(lambda: "draining" in server.log(), "the drain to begin")
            time.sleep(0.2)
            with pytest.raises(OSError):
                socket.create_connection((host, int(port)), timeout=5).close()
            connection.sendall(body[20:])
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 200") and b"prediction_id" in answer
        assert server.process.wait(timeout=60) == 0

    def test_everything_answered_before_the_end_is_kept(self, fresh):
        program.run("run", cwd=fresh)
        server = program.Server(fresh)
        ids, stop = [], threading.Event()

        def ask():
            with requests.Session() as session:
                while not stop.is_set():
                    try:
                        answer = session.post(server.url + INFER, json=project.infer_body(ROW), timeout=30)
                    except requests.ConnectionError:
                        return
                    assert answer.status_code in (200, 503), answer.text
                    if answer.status_code == 200:
                        ids.append(answer.json()["parameters"]["prediction_id"])

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask) for _ in range(4)]
            program.wait_for(lambda: len(ids) > 200, "some answers")
            server.stop()
            stop.set()
            for future in asking:
                future.result()
        with program.serving(fresh) as again:
            assert again.get("/api/v1/endpoints/purchase")["predictions"] >= len(ids)
            for prediction in (ids[0], ids[len(ids) // 2], ids[-1]):
                again.get(f"/api/v1/explain/prediction/{prediction}")

    def test_second_signal_ends_at_once(self, fresh):
        """A request that never ends keeps the drain waiting; a second signal does not."""
        program.run("run", cwd=fresh)
        server = program.Server(fresh)
        host, port = server.ready["http"].split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(f"POST {INFER} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n{{".encode())
            time.sleep(0.2)
            server.process.send_signal(signal.SIGTERM)
            program.wait_for(lambda: "draining" in server.log(), "the drain to begin")
            server.process.send_signal(signal.SIGTERM)
            started = time.monotonic()
            assert server.process.wait(timeout=30) == 130
            assert time.monotonic() - started < 5
        with program.serving(fresh) as again:
            assert again.get("/readyz")["ready"]
