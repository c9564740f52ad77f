"""PING and PONG are a barrier across connections and workers (THREADING.md 4)."""
import pytest

from harness.load import run_load


@pytest.mark.parametrize("groups", [4, 32])
def test_what_was_said_before_a_pong_holds_after_it(start_server, groups):
    server = start_server(workers=4)

    assert run_load("hammer", server.port, conns=groups, limit=2)["messages"] > 1000


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_barrier_holds_for_a_minute(start_server, workers):
    server = start_server(workers=workers)

    assert run_load("hammer", server.port, conns=16, limit=60)["messages"] > 30_000
