"""Every recorded configuration gets the verdict, text and position of the reference from `-t`.

The cases stand in tests/data/config; what the reference says of them is recorded there and checked
against the peer here, so that a peer of another version shows. By hand:

    build/venv/bin/python -m pytest -c tests/pytest.ini tests/conformance/config
"""
import glob
import os
import re

import pytest

import config.cases as cases
from harness.server import PEER, WEIR

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../data/config")
REFUSAL = re.compile(r"^case\.conf:\d+:\d+: this server does not support (.*)$")

ALL = [
    pytest.param(case, id=f"{os.path.basename(path)[:-6]}: {case.name}")
    for path in sorted(glob.glob(os.path.join(DATA, "*.cases")))
    for case in cases.read(path)
]


def same_line(ours, theirs):
    """Where the reference loses the position of an error, ours may keep it."""
    return ours == theirs or (not theirs.startswith("case.conf:") and re.fullmatch(
        r"case\.conf:\d+:\d+: " + re.escape(theirs), ours) is not None)


def same_lines(ours, theirs):
    return len(ours) == len(theirs) and all(map(same_line, ours, theirs))


def test_there_are_enough_cases():
    assert len(ALL) >= 300


@pytest.mark.parametrize("case", ALL)
def test_the_same_verdict_and_position_as_the_reference(case):
    verdict, digest, lines = cases.run(WEIR, case)

    refused = [REFUSAL.match(line) for line in lines]
    if case.refused and lines and all(refused):
        assert {match.group(1) for match in refused} <= set(case.refused)
        return
    assert (verdict, digest) == (case.verdict, case.digest), lines
    assert same_lines(lines, case.lines), f"{lines}\nbut the reference says\n{case.lines}"


@pytest.mark.parametrize("case", ALL[::10])
def test_what_is_recorded_is_what_the_reference_says(case):
    assert cases.run(PEER, case) == (case.verdict, case.digest, case.lines)
