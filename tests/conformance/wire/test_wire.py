"""Every transcript of this folder against the server, see run_wire.py."""
import os

import pytest

from conformance.wire import run_wire


@pytest.mark.parametrize("path", run_wire.transcripts(), ids=lambda path: os.path.basename(path).split(".")[0])
def test_transcript(path):
    workers = os.environ.get("WEIR_WORKERS")
    problem = run_wire.replay(path, extra=[f"workers: {workers}"] if workers else [])
    assert problem is None, problem
