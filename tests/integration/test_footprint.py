"""How long a start takes and what an idle server holds."""
import time

import pytest

STARTS = 20
pytestmark = pytest.mark.figures


@pytest.fixture
def started(start_server):
    """Milliseconds from the start of the process to "Server is ready", the best of a few, since
    other work on the machine only ever adds; the resident and anonymous MB of the last one."""
    times = []
    for _ in range(STARTS):
        server = start_server()
        times.append(server.ready_ms())
    time.sleep(0.2)
    _, resident, anonymous = server.usage()
    return min(times), resident / 2**20, anonymous / 2**20


def test_an_empty_server_is_ready_in_20_ms_and_holds_15_mb(started):
    ready, resident, anonymous = started
    assert ready <= 20
    assert resident <= 15
    assert anonymous <= 6


def test_a_store_that_exists_is_opened_as_fast(start_server):
    server = start_server()
    times = []
    for _ in range(STARTS):
        assert server.stop() == 0
        server.start()
        times.append(server.ready_ms())
    assert min(times) <= 20
