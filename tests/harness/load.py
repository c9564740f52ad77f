"""Runs weir_load (bench/load), the light generator, beside a test's server."""
import json
import os
import subprocess

from harness.server import TOP

LOAD = os.path.join(TOP, "build/release/weir_load")


def run_load(mode, port, seconds=120, **options):
    """What the generator says of its run; a load that finds something wrong fails with its words."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    run = subprocess.run([LOAD, mode, "--port", str(port), *words], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=seconds, check=False)
    assert run.returncode == 0, run.stderr or f"weir_load ended with {run.returncode}"
    return json.loads(run.stdout)
