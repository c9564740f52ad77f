"""Every way of consuming a stream that an official client has, while the server restarts and is killed: nothing is
lost, and what is ordered stays in order, with Weir as with the reference."""

import pytest

from driver import Driver, build_problem, run_chosen
from harness.server import PEER, WEIR, Server

LANGUAGES = ["go", "java", "javascript", "python", "rust"]
SERVERS = {"reference": PEER, "weir": WEIR}
WAYS = {
    "go": ["fetch", "next", "consume", "messages", "push", "old fetch", "old push", "ordered", "ordered messages",
           "ordered old push"],
    "java": ["fetch", "next", "consume", "messages", "old fetch", "push", "ordered", "ordered messages",
             "ordered push"],
    "javascript": ["fetch", "next", "consume", "messages", "push", "ordered"],
    "python": ["fetch", "push", "next", "ordered push"],
    "rust": ["fetch", "messages", "push", "ordered", "ordered push"],
}


def deliver(language, server, directory):
    problem = build_problem(language)
    assert problem is None, problem
    with Server(directory, SERVERS[server]) as running:
        return Driver(running, language, "delivery", running.url).run()


@pytest.fixture(scope="module")
def deliveries(request, tmp_path_factory):
    yield from run_chosen(request, tmp_path_factory, deliver, workers=8)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_lost_when_the_server_restarts(language, server, deliveries):
    lines = deliveries[language, server].result()
    told = {line.split(":")[0]: line.split(": ")[1] for line in lines if line.split(":")[0] in WAYS[language]}
    assert told == {way: "300 of 300" + (", in order" if way.startswith("ordered") else "")
                    for way in WAYS[language]}, "\n".join(lines)
