"""Every way of consuming a stream that an official client has, while the server restarts and is killed: nothing is
lost, and what is ordered stays in order, with Weir as with the reference."""

import concurrent.futures

import pytest

from harness.server import PEER, WEIR, Server
from test_clients import Driver, build_problem

LANGUAGES = ["go", "java", "javascript", "python", "rust"]
SERVERS = {"reference": PEER, "weir": WEIR}
WAYS = {
    "go": ["fetch", "consume", "messages", "push", "ordered", "ordered push"],
    "java": ["fetch", "consume", "messages", "push", "ordered", "ordered push"],
    "javascript": ["fetch", "consume", "messages", "push", "ordered"],
    "python": ["fetch", "push", "ordered push"],
    "rust": ["fetch", "messages", "push", "ordered", "ordered push"],
}


def deliver(language, server, directory):
    problem = build_problem(language)
    assert problem is None, problem
    with Server(directory, SERVERS[server]) as running:
        return Driver(running, language, "delivery", running.url).run()


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory, request):
    """All that the chosen tests need, some at a time: most of it is waiting."""
    chosen = [item.callspec.params for item in request.session.items if item.module is request.module]
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        yield {(c["language"], c["server"]):
               pool.submit(deliver, c["language"], c["server"], tmp_path_factory.mktemp(c["language"]))
               for c in chosen}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_lost_when_the_server_restarts(language, server, deliveries):
    lines = deliveries[language, server].result()
    told = {line.split(":")[0]: line.split(": ")[1] for line in lines if line.split(":")[0] in WAYS[language]}
    assert told == {way: "300 of 300" + (", in order" if way.startswith("ordered") else "")
                    for way in WAYS[language]}, "\n".join(lines)
