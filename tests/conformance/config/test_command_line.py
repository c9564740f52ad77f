"""The command line, compared with the reference: what goes to stdout and stderr, and the exit code.

Ours runs under the name nats-server, by the link that the build makes.
"""
import os
import subprocess

import pytest

from harness.server import PEER, WEIR

OURS = os.path.join(os.path.dirname(WEIR), "nats-server")

LINES = [
    ["-v"], ["--version"], ["version"], ["Version"], ["--v=true"],
    ["-t"], ["-t", "-c", "nowhere.conf"], ["-c", "nowhere.conf"],
    ["-t", "-c", "good.conf"], ["--t", "--config=good.conf"], ["-t=true", "-config", "good.conf"],
    ["-t", "-c", "bad.conf"], ["-c", "bad.conf"],
    ["-t", "-c", "warn.conf"],
    ["-t", "-c", "good.conf", "-p", "99999"],
    ["-c", "store.conf", "-sd", "/tmp/x"],
    ["-c", "cross.conf"], ["-c", "lame.conf"], ["-c", "nobody.conf"],
    ["start"], ["-D", "start"],
    ["--tls"], ["--tlscert", "x.pem"], ["--tls", "--tlscert", "x.pem", "--tlskey", "y.pem"],
    ["--routes", "nats://127.0.0.1:1"],
    ["-sl", "dance=1"], ["-sl", "term=abc"], ["--signal", "term=1=2"], ["-sl=quit=99999999"],
]
# The usage text behind these is our own.
USAGE = [
    ["--nope"], ["-nope=1"], ["-p"], ["-p", "abc"], ["-D=maybe"], ["---p"], ["-=p"],
    ["-m", "99999999999999999999"], ["-h"], ["--help"], ["help"],
]

FILES = {
    "good.conf": "port: -1\nserver_name: a\n",
    "bad.conf": "port: -1\nprot: 5\n",
    "warn.conf": "ping_interval: 5\n",
    "store.conf": "jetstream { store_dir: /tmp/y }\n",
    "cross.conf": "max_payload: 5MB\nmax_pending: 1MB\n",
    "lame.conf": 'lame_duck_duration: "30s"\nlame_duck_grace_period: "1m"\n',
    "nobody.conf": "no_auth_user: a\n",
}


def run(binary, arguments, folder):
    for name, text in FILES.items():
        (folder / name).write_text(text)
    done = subprocess.run([binary, *arguments], cwd=folder, text=True, timeout=30, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # The reference says it was built a patch release apart; its list of errors ends in a blank line.
    stdout = done.stdout.replace("v2.15.1", "v2.15.2")
    return done.returncode, stdout, done.stderr.rstrip("\n")


@pytest.mark.parametrize("arguments", LINES, ids=" ".join)
def test_the_same_output_as_the_reference(arguments, tmp_path):
    assert run(OURS, arguments, tmp_path) == run(PEER, arguments, tmp_path)


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_the_same_answer_beside_the_usage_text(arguments, tmp_path):
    code, stdout, stderr = run(OURS, arguments, tmp_path)
    their_code, their_stdout, their_stderr = run(PEER, arguments, tmp_path)
    assert (code, stderr) == (their_code, their_stderr)
    assert ("Usage" in stdout) == ("Usage" in their_stdout)
