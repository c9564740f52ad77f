"""Every recorded request to the JetStream API gets the answer that a real server gave.

The transcripts stand beside this file; transcripts.py says how they are written.
"""
import functools
import os

import pytest

from conformance.api import transcripts
from harness.server import WEIR


@functools.lru_cache(maxsize=None)
def played(path):
    transcript = transcripts.Transcript(path)
    return list(zip(transcript.steps(), transcripts.play(WEIR, transcript)))


def sections():
    for path in transcripts.files():
        name = os.path.basename(path)[:-4]
        for section in dict.fromkeys(step.section for step in transcripts.Transcript(path).steps()):
            yield pytest.param(path, section, id=f"{name}: {section}")


def test_there_are_enough_requests():
    steps = [step for path in transcripts.files() for step in transcripts.Transcript(path).steps()]
    assert sum(step.line.startswith(">") for step in steps) >= 400


@pytest.mark.parametrize("path,section", sections())
def test_the_same_answers(path, section):
    wrong = []
    for step, answers in played(path):
        if step.section == section and answers != step.answers:
            wrong.append("\n".join([step.line, "the reference:", *step.answers, "this server:", *answers]))
    assert not wrong, "\n\n".join(wrong)
