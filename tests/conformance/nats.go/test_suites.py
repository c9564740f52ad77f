"""The official Go client's own tests against the server: what passes with nats-server passes with ours."""
import os
import subprocess

import pytest

import compare
from harness.server import WEIR

HERE = os.path.dirname(os.path.abspath(__file__))
BASELINE = os.path.join(HERE, "baseline/nats.go.txt")
# What the tests may ask of the server; the tags of baseline/nats.go-tags.txt.
TAGS = {"core", "micro", "auth", "permissions", "accounts", "options", "restart", "noserver", "tls", "reload",
        "jetstream", "kv", "object", "js-domain"}
MODULE = "github.com/nats-io/nats.go/"
# Two accounts that import from each other, which the server refuses by name so far.
WAITING = {("test", "TestKeyValueCrossAccounts"), ("jetstream/test", "TestNewWithAPIPrefix"),
           ("jetstream/test", "TestKeyValueCrossAccounts"), ("test", "TestJetStreamImport"),
           ("test", "TestJetStreamImportDirectOnly"), ("test", "TestJetStreamCrossAccountMirrorsAndSources")}
# A hundred thousand messages, one after the other: half a minute each on two busy cores.
SLOW = {("test", "TestJetStreamStreamInfoWithSubjectDetails"), ("test", "TestNoRaceJetStreamChanSubscribeStall"),
        ("test", "TestNoRaceJetStreamPushFlowControlHeartbeats_ChanSubscribe"),
        ("test", "TestNoRaceJetStreamPushFlowControlHeartbeats_SubscribeAsync"),
        ("test", "TestNoRaceJetStreamPushFlowControlHeartbeats_SubscribeSync"),
        ("test", "TestNoRaceJetStreamPushFlowControl_SubscribeAsyncAndChannel")}
TESTS = [key for package, test in compare.chosen(BASELINE, None, TAGS)
         if (key := (package.removeprefix(MODULE), test)) not in WAITING]


def run(tests, out):
    """Runs these tests; their outcomes by (package, test), of tests and the tests in them."""
    outcomes = {}
    for package in sorted({package for package, _ in tests}):
        regex = "^(%s)$" % "|".join(test for p, test in tests if p == package)
        done = subprocess.run(["bash", os.path.join(HERE, "run.sh"), WEIR, "-run", regex, "-out", out, package],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=1100, check=False)
        assert done.returncode in (0, 1), done.stdout[-3000:]
        outcomes |= {(p.removeprefix(MODULE), test): outcome for (p, test), (outcome, _) in compare.load(out).items()}
    return outcomes


@pytest.fixture(scope="module")
def outcomes(request, tmp_path_factory):
    """All chosen tests in one go. Some allow tenths of a second: who fails gets more tries, with fewer beside it."""
    directory = tmp_path_factory.mktemp("natsgo")
    chosen = [item.callspec.params["test"] for item in request.session.items if item.module is request.module]
    got = run(chosen, str(directory / "0.json"))
    for again in range(1, 6):
        failed = [key for key in chosen if got.get(key) != "PASS"]
        if failed and len(failed) < 20:
            got |= run(failed, str(directory / f"{again}.json"))
    return got


@pytest.mark.parametrize(
    "test", [pytest.param(test, marks=pytest.mark.long) if test in SLOW else test for test in TESTS], ids="-".join)
def test_passes_as_with_nats_server(test, outcomes):
    parts = {name: outcome for (package, name), outcome in outcomes.items()
             if package == test[0] and (name == test[1] or name.startswith(test[1] + "/"))}
    assert parts.get(test[1]) == "PASS", f"{parts}; tests/conformance/nats.go/run.sh BINARY -run {test[1]} {test[0]}"
