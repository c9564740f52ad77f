"""Readers that do not read (protocol.md 6.1): they are cut, and nobody else notices."""
import json
import urllib.request

import pytest

from harness.load import run_load
from harness.server import free_port

MAX_PENDING = 2 << 20
SLEEPERS = 10
pytestmark = pytest.mark.figures


def peak_memory(server):
    with open(f"/proc/{server.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))


def check_overload(server, http, clients, milliseconds):
    """One run: by how much the rate of those who read changes."""
    before = peak_memory(server)
    cut_before = server.log().count("Slow Consumer Detected: MaxPending")

    seen = run_load("overload", server.port, conns=clients, sleepers=SLEEPERS, size=1000, window=1, count=milliseconds)

    assert seen["cut"] == SLEEPERS
    cut = server.log().count("Slow Consumer Detected: MaxPending")
    assert cut == cut_before + SLEEPERS
    with urllib.request.urlopen(f"http://127.0.0.1:{http}/varz", timeout=5) as answer:
        assert json.load(answer)["slow_consumers"] == cut
    # What ten may leave unread, and ordinary buffers for everybody.
    grown = peak_memory(server) - before
    assert grown < SLEEPERS * MAX_PENDING + clients * 24 * 1024, f"{grown} bytes"
    return seen["rate_beside"] / seen["rate_alone"]


def check_rates(start_server, clients, milliseconds, workers):
    """The load is far below what the machine can do; if others use it meanwhile, another try decides."""
    http = free_port()
    server = start_server(workers=workers, config=f"max_pending: {MAX_PENDING}\nmax_payload: 100000\n"
                                                  f'http: "127.0.0.1:{http}"')
    ratios = []
    while len(ratios) < 3 and (not ratios or max(ratios) < 0.9):
        ratios.append(check_overload(server, http, clients, milliseconds))
    assert max(ratios) >= 0.9, ratios


@pytest.mark.parametrize("workers", [1, 2])
def test_ten_of_two_hundred_do_not_read(start_server, workers):
    check_rates(start_server, 200, 3000, workers)


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_ten_of_a_thousand_do_not_read(start_server, workers):
    check_rates(start_server, 1000, 8000, workers)
