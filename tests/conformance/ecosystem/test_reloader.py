"""The config reloader of NACK, the sidecar of the official Helm chart, beside our server."""
import os
import shutil
import subprocess
import time

import pytest

from harness.server import TOP, Server
from harness.wire_client import WireClient

RELOADER = os.path.join(TOP, "build/tools/nats-server-config-reloader")


class Mounted:
    """A server whose configuration is mounted from a ConfigMap: a new version is a folder that a link is
    moved to; the folder before is removed."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.versions = 0
        self.pid_file = os.path.join(self.directory, "nats.pid")
        self.server = Server(self.directory)
        with open(self.server.config_path, encoding="utf-8") as f:
            self.base = f.read() + f'pid_file: "{self.pid_file}"\n'
        os.remove(self.server.config_path)
        self.mount("max_payload: 1000")
        os.symlink("..data/server.conf", self.server.config_path)

    def mount(self, more):
        self.versions += 1
        folder = os.path.join(self.directory, f"..version{self.versions}")
        os.mkdir(folder)
        with open(os.path.join(folder, "server.conf"), "w", encoding="utf-8") as f:
            f.write(self.base + more + "\n")
        os.symlink(os.path.basename(folder), os.path.join(self.directory, "..new"))
        os.rename(os.path.join(self.directory, "..new"), os.path.join(self.directory, "..data"))
        shutil.rmtree(os.path.join(self.directory, f"..version{self.versions - 1}"), ignore_errors=True)

    def max_payload(self):
        with WireClient(self.server.port) as client:
            return client.info["max_payload"]


@pytest.fixture(params=["inotify", "polling"])
def mounted(request, tmp_path):
    mounted = Mounted(tmp_path)
    mode = ["-force-poll", "-poll-interval=100ms"] if request.param == "polling" else []
    with mounted.server, open(tmp_path / "reloader.log", "w", encoding="utf-8") as log:
        reloader = subprocess.Popen([RELOADER, "-pid", mounted.pid_file, "-config", mounted.server.config_path,
                                     "-retry-wait-secs=1", *mode],
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while "Live, ready" not in (tmp_path / "reloader.log").read_text():
            assert reloader.poll() is None and time.monotonic() < deadline, (tmp_path / "reloader.log").read_text()
            time.sleep(0.01)
        yield mounted
        assert reloader.poll() is None, (tmp_path / "reloader.log").read_text()
        reloader.kill()
        reloader.wait()


def test_the_pid_file_is_bare_digits(mounted):
    with open(mounted.pid_file, "rb") as f:
        assert f.read() == str(mounted.server.pid).encode()


def test_a_changed_configuration_is_reloaded(mounted):
    with WireClient(mounted.server.port) as connected:
        assert connected.ping() == []
        assert mounted.max_payload() == 1000
        mounted.mount("max_payload: 2000")
        mounted.server.wait_for_log("Reloaded server configuration")
        assert mounted.max_payload() == 2000
        assert connected.ping() == [], "who was connected still is"


def test_a_broken_configuration_leaves_the_old_one(mounted):
    mounted.mount("max_payload: [1]")
    mounted.server.wait_for_log("Failed to reload server configuration")
    assert mounted.max_payload() == 1000
    mounted.mount("max_payload: 3000")
    mounted.server.wait_for_log("Reloaded server configuration")
    assert mounted.max_payload() == 3000
