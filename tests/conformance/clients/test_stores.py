"""Key-value buckets and object stores through official clients: Weir and the reference give one answer."""
import concurrent.futures
import difflib
import os
import subprocess

import pytest

from driver import BUILT, build_problem
from harness.server import PEER, WEIR, Server

LANGUAGES = ["go", "java", "javascript", "python"]


def lines(language, binary, size, directory):
    with Server(directory, binary) as server:
        done = subprocess.run([os.path.join(BUILT, language, "stores"), server.url, str(size)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                              timeout=400, check=False)
        assert server.running(), server.log()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout.splitlines()


def compare(language, size, tmp_path):
    problem = build_problem(language)
    assert problem is None, problem
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        theirs, ours = pool.map(lambda binary: lines(language, binary, size, tmp_path / os.path.basename(binary)),
                                [PEER, WEIR])

    assert len(theirs) > 50, "the program did something"
    assert f"get large: {size} bytes, equal true" in [line.split(", error")[0].lower() for line in theirs]
    differences = list(difflib.unified_diff(theirs, ours, "reference", "weir", lineterm="", n=1))
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("language", LANGUAGES)
def test_buckets_and_stores_are_the_same_with_every_client(language, tmp_path):
    compare(language, 8_000_000, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_object_of_100_mb_is_the_same_with_every_client(language, tmp_path):
    compare(language, 100_000_000, tmp_path)
