"""Loss of power under a running server: what was acknowledged is on the disk.

The store lies on an ext4 of its own in a file. The server is stopped in the middle of its work (SIGSTOP), the file is
copied as it is, and another server is started on the copy: that is what a machine would find after its power was cut.
"""
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest

from harness.server import Server
from harness.stream_reader import read_stream
from harness.wire_client import WireClient


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class Disk:
    """An ext4 in a file, mounted."""

    def __init__(self, image, mount_point, fresh):
        self.image, self.mount_point = str(image), str(mount_point)
        os.makedirs(self.mount_point, exist_ok=True)
        if fresh:
            with open(self.image, "wb") as f:
                f.truncate(96 << 20)
            made = run("mkfs.ext4", "-q", "-F", self.image)
            assert made.returncode == 0, made.stderr
        mounted = run("mount", "-o", "loop", self.image, self.mount_point)
        if mounted.returncode != 0:
            pytest.skip(f"no loop device can be mounted here: {mounted.stderr.strip()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        run("umount", "-l", self.mount_point)


class Publisher(threading.Thread):
    """Publishes in windows and notes every acknowledgement."""

    def __init__(self, port, number):
        super().__init__(daemon=True)
        self.number, self.acked, self.stop = number, {}, False
        self.client = WireClient(port, seconds=20.0)
        self.client.send(f"SUB ack.{number} 1\r\n")

    def run(self):
        sent = 0
        try:
            while not self.stop:
                window = []
                for _ in range(20):
                    sent += 1
                    text = f"{self.number}-{sent}"
                    window.append(text)
                    self.client.send(f"PUB CUT.{self.number} ack.{self.number} {len(text)}\r\n{text}\r\n")
                for text in window:
                    answer = self.client.next()[-1].decode()
                    assert '"seq":' in answer, answer
                    self.acked[int(answer.split('"seq":')[1].split(",")[0].rstrip("}"))] = text
        except (OSError, AssertionError):
            pass


@pytest.fixture(scope="module", autouse=True)
def needs_root():
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    for tool in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
            pytest.skip(f"needs {tool}")


def stored(port):
    """The stream's counters, and every message: sequence -> text."""
    with WireClient(port, seconds=20.0) as client:
        return client.request("$JS.API.STREAM.INFO.CUT")["state"], read_stream(client, "CUT")


@pytest.mark.parametrize("again", range(2))
def test_nothing_acknowledged_is_lost_with_the_power(tmp_path, again):
    image, copy = tmp_path / "disk.img", tmp_path / "found.img"
    with Disk(image, tmp_path / "disk", fresh=True) as disk:
        # What is said of syncs: nothing, or what the default is.
        server = Server(tmp_path / "first", store=os.path.join(disk.mount_point, "store"),
                        sync=None if again else "always")
        server.start()
        with WireClient(server.port) as client:
            made = client.request("$JS.API.STREAM.CREATE.CUT",
                                  {"name": "CUT", "subjects": ["CUT.>"]})
            assert "error" not in made, made
        publishers = [Publisher(server.port, n) for n in range(3)]
        for publisher in publishers:
            publisher.start()
        deadline = time.monotonic() + 20
        while sum(len(p.acked) for p in publishers) < 500 * (again + 1) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(server.pid, signal.SIGSTOP)
        # What is acknowledged from here on was on its way already.
        acked = {}
        for publisher in publishers:
            acked |= dict(list(publisher.acked.items()))
            publisher.stop = True
        shutil.copyfile(image, copy)
        server.kill()
    assert len(acked) >= 200
    with Disk(copy, tmp_path / "found", fresh=False) as disk:
        with Server(tmp_path / "second", store=os.path.join(disk.mount_point, "store")) as server:
            state, found = stored(server.port)
            lost = {seq: text for seq, text in acked.items() if found.get(seq) != text}
            assert not lost, f"{len(lost)} of {len(acked)} acknowledged messages are lost"
            assert state["messages"] == len(found)
            assert "damage" not in server.log()
