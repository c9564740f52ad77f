import pytest

from harness.certificates import Authority
from harness.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One running server for the tests of a module that do not disturb each other."""
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def start_server(tmp_path):
    """Starts servers that end with the test; each has a folder of its own."""
    servers = []

    def start(**options):
        servers.append(Server(tmp_path / f"server{len(servers)}", **options))
        return servers[-1].start()

    yield start
    for server in servers:
        if server.running():
            server.kill()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """An authority whose certificates both sides of a test trust."""
    return Authority(tmp_path_factory.mktemp("authority"))
