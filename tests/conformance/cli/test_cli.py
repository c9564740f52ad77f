"""321 commands of the nats CLI against our server and the reference: every block of the transcript is equal."""
import concurrent.futures
import os
import subprocess

import pytest

import compare_transcripts
from harness.server import PEER, TOP, WEIR, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
# Blocks that wait for what is not there yet, by their number. One that has become equal fails the test.
WAITING = {
    "148": "snapshots",
    "150": "restoring a stream",
    "151": "shows what 150 restores",
    "238": "mirrors",
    "242": "removes what 238 made",
    "287": "shows the stream that 150 restores",
    "297": "shows the streams of 150 and 238",
    "317": "snapshots",
    "319": "restoring a stream",
    "320": "shows what 319 restores",
    "321": "counts what 319 restores",
}


def blocks(binary, out):
    """One run of the script; its blocks by number, as text."""
    env = dict(os.environ, NATS_BIN=os.path.join(TOP, "build/tools/nats"))
    done = subprocess.run(["bash", os.path.join(HERE, "run_cli_conformance.sh"), binary, str(out), str(free_port())],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=280, check=False, env=env)
    assert done.returncode in (0, -15, 143), done.stdout
    return {title.split()[1]: "\n".join([title, *lines])
            for title, lines in compare_transcripts.blocks(str(out)).items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Pairs of runs, reference and ours. The script is mostly waiting, so both run at once. Two runs of the
    reference itself are not always equal in all blocks: what differs gets a second try."""
    directory = tmp_path_factory.mktemp("cli")
    pairs = []
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        while len(pairs) < 2 and (not pairs or unequal(pairs) - set(WAITING)):
            names = [f"reference{len(pairs)}", f"ours{len(pairs)}"]
            pairs.append(tuple(both.map(blocks, [PEER, WEIR], [directory / name for name in names])))
    return pairs


def unequal(pairs):
    """The numbers of the blocks that no run of ours has as some run of the reference has them."""
    return {number for number in pairs[0][0]
            if not any(theirs[number] == ours.get(number) for theirs, _ in pairs for _, ours in pairs)}


def test_every_command_prints_what_it_prints_with_nats_server(runs):
    assert len(runs[0][0]) == 321
    wrong = sorted(unequal(runs) - set(WAITING))
    assert not wrong, "\n\n".join(f"{runs[-1][0][n]}\n--- but ours:\n{runs[-1][1].get(n)}"[:3000] for n in wrong)


def test_what_waits_is_not_there_yet(runs):
    arrived = sorted(set(WAITING) - unequal(runs))
    assert not arrived, f"equal now, take them off the list: {arrived}"
