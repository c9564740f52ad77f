"""Encryption at rest, a full disk, and the commands that look after a stopped store."""
import glob
import os
import subprocess

import pytest

from harness.monitoring import get, page
from harness.server import WEIR, Server, free_port
from harness.wire_client import WireClient


def create(client, name, **config):
    answer = client.request(f"$JS.API.STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"]} | config)
    assert "error" not in answer, answer


def store_command(*arguments, key=None):
    environment = os.environ | ({"WEIR_ENCRYPTION_KEY": key} if key else {})
    done = subprocess.run([WEIR, "store", *arguments], capture_output=True, text=True, timeout=60, check=False,
                          env=environment)
    return done.returncode, done.stdout + done.stderr


def files_with(directory, text):
    found = []
    for path in glob.glob(f"{directory}/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as f:
                if text in f.read():
                    found.append(path)
    return found


@pytest.mark.parametrize("cipher", ["chacha", "aes"])
def test_nothing_of_the_messages_is_in_a_file_of_an_encrypted_store(tmp_path, cipher):
    server = Server(tmp_path / "s", jetstream=f'key: "first key", cipher: {cipher}')
    server.start()
    with WireClient(server.port) as client:
        create(client, "SECRETSTREAM")
        for n in range(50):
            head = f"NATS/1.0\r\nNats-Msg-Id: SECRETID{n}\r\nSECRETHEADER: x\r\n\r\n"
            body = f"SECRETPAYLOAD{n}"
            client.send("SUB in 4\r\n" if n == 0 else "")
            client.send(f"HPUB SECRETSTREAM.SECRETSUBJECT in {len(head)} {len(head) + len(body)}\r\n{head}{body}\r\n")
            assert b"seq" in client.next()[-1]
    server.kill()
    assert os.path.isdir(server.store)
    assert files_with(server.store, b"SECRET") == []
    server.start()
    assert server.stop() == 0
    assert files_with(server.store, b"SECRET") == []

    wrong = Server(tmp_path / "wrong", store=server.store, jetstream='key: "another key"')
    with pytest.raises(Exception):
        wrong.start(seconds=5)
    assert "the encryption key is wrong" in wrong.log()

    turned = Server(tmp_path / "turned", store=server.store, jetstream='key: "second key", prev_key: "first key"')
    with turned:
        with WireClient(turned.port) as client:
            assert client.request("$JS.API.STREAM.INFO.SECRETSTREAM")["state"]["messages"] == 50
    with Server(tmp_path / "after", store=server.store, jetstream='key: "second key"') as after:
        with WireClient(after.port) as client:
            assert client.request("$JS.API.STREAM.INFO.SECRETSTREAM")["state"]["messages"] == 50
    assert store_command("check", server.store, key="second key") == (0, "no damage found\n")


def test_check_backup_and_restore(tmp_path):
    server = Server(tmp_path / "s")
    server.start()
    with WireClient(server.port) as client:
        create(client, "KEPT")
        for n in range(100):
            client.request(f"KEPT.{n}", f"message {n}")
    code, text = store_command("check", server.store)
    assert code == 1 and f"in use by process {server.pid}" in text
    assert server.stop() == 0
    assert store_command("check", server.store) == (0, "no damage found\n")
    copy = str(tmp_path / "copy")
    code, text = store_command("backup", server.store, copy)
    assert code == 0, text
    code, text = store_command("restore", copy, str(tmp_path / "again"))
    assert code == 0 and "100 messages" in text, text
    with Server(tmp_path / "second", store=tmp_path / "again") as restored:
        with WireClient(restored.port) as client:
            assert client.request("$JS.API.STREAM.INFO.KEPT")["state"]["messages"] == 100
    code, text = store_command("restore", copy, server.store)
    assert code == 1 and "there is a store already" in text


def test_a_flipped_bit_is_found_and_set_right(tmp_path):
    server = Server(tmp_path / "s")
    server.start()
    with WireClient(server.port) as client:
        create(client, "KEPT")
        for n in range(100):
            client.request(f"KEPT.{n}", f"message {n}")
    server.kill()
    [log] = [path for path in glob.glob(f"{server.store}/**/*.log", recursive=True) if os.path.getsize(path) > 5000]
    with open(log, "r+b") as f:
        f.seek(3000)
        byte = f.read(1)[0]
        f.seek(3000)
        f.write(bytes([byte ^ 4]))
    code, text = store_command("check", server.store)
    assert code == 1 and "a flipped bit" in text
    with server:
        assert "mended" in server.log()
        with WireClient(server.port) as client:
            assert client.request("$JS.API.STREAM.INFO.KEPT")["state"]["messages"] == 100


def test_what_is_lost_is_told_everywhere(tmp_path):
    http = free_port()
    server = Server(tmp_path / "s", config=f'http: "127.0.0.1:{http}"')
    server.start()
    with WireClient(server.port) as client:
        create(client, "HURT")
        for n in range(500):
            client.request(f"HURT.{n}", f"message {n} " * 20)
    server.kill()
    [log] = [path for path in glob.glob(f"{server.store}/**/*.log", recursive=True) if os.path.getsize(path) > 50000]
    with open(log, "r+b") as f:
        f.seek(60000)
        f.write(b"\0" * 4096)
    with server:
        with WireClient(server.port) as client:
            state = client.request("$JS.API.STREAM.INFO.HURT")["state"]
            lost = state["lost"]["msgs"]
            assert 0 < len(lost) < 250 and state["lost"]["bytes"] > 0
            assert state["last_seq"] == 500 and state["messages"] == 500 - len(lost)
            gone = client.request("$JS.API.STREAM.MSG.GET.HURT", {"seq": lost[0]})
            assert gone["error"]["description"] == "the message is damaged on disk", gone
        assert f"{len(lost)} messages between" in server.log()
        health = page(http, "/healthz?details=true")
        assert health["status"] == "ok" and any("are lost" in line for line in health["store"]), health
        metrics = get(http, "/metrics")[2]
        assert "\nweir_storage_damage_total 2" in metrics, metrics


def test_a_full_disk_refuses_and_recovers(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(disk)], capture_output=True,
                             text=True, timeout=10, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        with Server(tmp_path / "s", store=disk / "store") as server:
            with WireClient(server.port) as client:
                create(client, "FULL")
                assert client.request("FULL.a", "x")["seq"] == 1
                filler = disk / "filler"
                with open(filler, "wb") as f:
                    f.write(b"\0" * (125 << 20))
                server.wait_for_log("no room on the disk")
                answer = client.request("FULL.a", "x")
                assert answer["error"]["err_code"] == 10023, answer
                assert client.request("$JS.API.STREAM.MSG.GET.FULL", {"seq": 1})["message"]["data"] == "eA=="
                filler.unlink()
                server.wait_for_log("there is room on the disk")
                assert client.request("FULL.a", "x")["seq"] == 2
    finally:
        subprocess.run(["umount", "-l", str(disk)], capture_output=True, timeout=10, check=False)


def test_a_temporary_directory_that_does_not_exist_is_created(tmp_path):
    environment = dict(os.environ, TMPDIR=str(tmp_path / "not/there"))
    with subprocess.Popen([WEIR, "-a", "127.0.0.1", "-p", str(free_port()), "-js"], env=environment,
                          stderr=subprocess.PIPE, text=True) as process:
        lines = iter(process.stderr.readline, "")
        try:
            assert any("Server is ready" in line for line in lines)
            assert (tmp_path / "not/there/nats/jetstream").is_dir()
        finally:
            process.terminate()


def test_servers_without_a_store_directory_do_not_share_one(tmp_path):
    """As tests start them: the second takes a directory of its own, and the first one's when it is free."""
    environment = dict(os.environ, TMPDIR=str(tmp_path))

    def start():
        port = free_port()
        process = subprocess.Popen([WEIR, "-a", "127.0.0.1", "-p", str(port), "-js"], env=environment,
                                   stderr=subprocess.PIPE, text=True)
        lines = []
        while not lines or "Server is ready" not in lines[-1]:
            lines.append(process.stderr.readline())
            assert lines[-1], "".join(lines)
        return process, port, "".join(lines)

    def stop(process):
        process.terminate()
        process.communicate(timeout=10)

    first, first_port, log = start()
    assert "takes its place" not in log
    second, second_port, log = start()
    try:
        assert f'Store Directory: "{tmp_path}/nats/jetstream-2"' in log and "takes its place" in log
        with WireClient(first_port) as one, WireClient(second_port) as two:
            answer = one.request("$JS.API.STREAM.CREATE.KEPT", {"name": "KEPT", "subjects": ["kept"]})
            assert "error" not in answer
            assert two.request("$JS.API.STREAM.NAMES", {})["total"] == 0
    finally:
        stop(first)
        stop(second)
    third, port, _ = start()
    try:
        with WireClient(port) as client:
            assert client.request("$JS.API.STREAM.NAMES", {})["streams"] == ["KEPT"]
    finally:
        stop(third)
