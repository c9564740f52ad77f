"""What Weir refuses on purpose although the reference takes it: tests/data/config/refused.cases has a
configuration for each feature, with the place that the message names. It shrinks with the table in
server/options_support.cc: a feature that works is checked like any other configuration.
"""
import os
import re

import pytest

import config.cases as cases
from config.test_config import DATA
from harness.server import TOP, WEIR, is_weir

pytestmark = pytest.mark.skipif(not is_weir(WEIR), reason="the reference refuses none of these")

REFUSED = cases.read(os.path.join(DATA, "refused.cases"))


def table():
    """{feature: whether it is refused, or only without effect} of the server."""
    with open(os.path.join(TOP, "server/options_support.cc"), encoding="utf-8") as f:
        rows = re.findall(r'\{Feature::k\w+, "([^"]+)"(, false)?\}', f.read())
    return {what: not ignored for what, ignored in rows}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_the_message_says_what_and_where(case):
    refused = table()
    expected = sorted(f"case.conf:{at}: this server does not support {what}"
                      for at, what in zip(case.refused_at, case.refused) if refused.get(what))

    verdict, digest, lines = cases.run(WEIR, case)

    if expected:
        assert (verdict, lines) == ("fail", expected)
    else:
        assert (verdict, digest, lines) == (case.verdict, case.digest, case.lines)


def test_every_refusal_of_the_table_has_a_case():
    rows = table()
    assert len(rows) > 5
    with_case = {what for path in os.listdir(DATA) if path.endswith(".cases")
                 for case in cases.read(os.path.join(DATA, path)) for what in case.refused}
    assert {what for what, refused in rows.items() if refused} - with_case == set()


def test_every_refusal_of_the_table_is_documented():
    with open(os.path.join(TOP, "server/CONFIGURATION.md"), encoding="utf-8") as f:
        listed = set(re.findall(r"^\| `?([^|`]+?)`? \|", f.read(), re.MULTILINE))
    assert set(table()) - listed == set()
