"""Lame duck mode (protocol.md 13): clients are told, get their grace, and are closed one by one."""
import signal

import pytest
from harness.wire_client import WireClient


@pytest.mark.parametrize("workers", [1, 2])
def test_clients_are_told_and_closed_and_the_server_ends(start_server, workers):
    server = start_server(workers=workers, config="lame_duck_duration: 30s\nlame_duck_grace_period: 1s")
    with WireClient(server.port) as client, WireClient(server.port) as idle:
        for each in (client, idle):
            each.ping()

        server.process.send_signal(signal.SIGUSR2)

        server.wait_for_log("Entering lame duck mode, stop accepting new clients")
        assert client.ping() == []
        assert client.info["ldm"] is True
        assert "connect_info" not in client.info
        server.wait_for_log("Closing existing clients")
        client.expect_closed(seconds=10)
        idle.expect_closed(seconds=10)
    assert server.process.wait(timeout=10) == 0
