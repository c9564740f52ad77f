"""A cut of power, played with a file system in a file: what the server has synced is in the file,
what it has only written is in the page cache of the mount. A copy of the file is what a cut leaves."""
import os
import shutil
import subprocess

import pytest

from harness.server import Server
from harness.wire_client import WireClient


class Disk:
    """An ext4 in `directory`/disk, mounted on `directory`/mount; needs root and a loop device."""

    def __init__(self, directory, image=None):
        os.makedirs(directory, exist_ok=True)
        self.image = os.path.join(directory, "disk")
        self.path = os.path.join(directory, "mount")
        os.makedirs(self.path, exist_ok=True)
        if image is None:
            with open(self.image, "wb") as f:
                f.truncate(48 << 20)
            subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True, timeout=20)
        else:
            shutil.copyfile(image, self.image)
        subprocess.run(["mount", "-o", "loop", self.image, self.path], check=True, timeout=20,
                       stderr=subprocess.DEVNULL)

    def unmount(self):
        subprocess.run(["umount", "-l", self.path], check=False, timeout=20)


@pytest.fixture
def disks(tmp_path):
    made = []

    def make(image=None):
        try:
            made.append(Disk(str(tmp_path / f"disk{len(made)}"), image))
        except (OSError, subprocess.SubprocessError) as error:
            if image is None:
                pytest.skip(f"no file system can be mounted here: {error}")
            raise
        return made[-1]

    yield make
    for disk in made:
        disk.unmount()


def after_a_cut(server, disk, disks, tmp_path):
    """The server stopped in its tracks, and another one on what had reached the disk."""
    server.process.send_signal(19)
    left = disks(disk.image)
    server.kill()
    return Server(tmp_path / "again", store=os.path.join(left.path, "store"))


def test_the_first_acknowledged_message_of_a_new_store_survives(disks, tmp_path):
    disk = disks()
    with Server(tmp_path / "server", store=os.path.join(disk.path, "store")) as server:
        with WireClient(server.port) as client:
            created = client.request("$JS.API.STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
            assert "error" not in created, created
            assert client.request("s.1", "kept")["seq"] == 1
        with after_a_cut(server, disk, disks, tmp_path) as again:
            with WireClient(again.port) as client:
                state = client.request("$JS.API.STREAM.INFO.S")["state"]
                assert (state["messages"], state["last_seq"]) == (1, 1)


def test_a_store_that_was_cut_while_it_was_made_is_made_again(disks, tmp_path):
    disk = disks()
    with Server(tmp_path / "server", store=os.path.join(disk.path, "store")) as server:
        with after_a_cut(server, disk, disks, tmp_path) as again:
            with WireClient(again.port) as client:
                assert client.request("$JS.API.INFO")["streams"] == 0
