"""One short session with each official client, against our server and the reference: equal answers."""
import difflib
import os
import subprocess
import sys

import pytest

from harness.server import PEER, TOP, WEIR, Server
from transcript import normalise

HERE = os.path.dirname(os.path.abspath(__file__))
SESSIONS = {
    "py": lambda url: [sys.executable, os.path.join(HERE, "session_py.py"), url],
    "go": lambda url: [os.path.join(TOP, "build/tools/session_go"), url],
    "cli": lambda url: ["bash", os.path.join(HERE, "session_cli.sh"), os.path.join(TOP, "build/tools/nats"), url],
}


def transcript(binary, session, directory, **options):
    with Server(directory, binary, **options) as server:
        done = subprocess.run(SESSIONS[session](server.url), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=120, check=False)
        assert server.running(), server.log()
    (directory / f"{session}.txt").write_text(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:]
    return normalise(done.stdout)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("session", SESSIONS)
def test_the_same_answers_as_the_reference(session, workers, tmp_path):
    theirs = transcript(PEER, session, tmp_path / "reference")
    ours = transcript(WEIR, session, tmp_path / "ours", workers=workers)

    assert len(theirs) > 40, "the session did something"
    differences = list(difflib.unified_diff(theirs, ours, "reference", "ours", lineterm="", n=1))
    assert not differences, "\n".join(line[:2000] for line in differences)
