"""Reads and writes tests/data/config/*.cases.

A file holds cases, each from a line `### name` on:

    ### name of the case
    text of case.conf
    %% file other.conf          a file beside it
    text of the other file
    %% refused accounts         what Weir refuses although the reference takes it (optional; "; "),
                                where it says so in front: 2:1 accounts
    %% ok sha256:...            what `nats-server -t` said: valid, with its digest,
    %% warn | %% fail           or only warnings, or errors, each with the lines it printed, sorted
    case.conf:1:0: unknown field "prot"
"""
import os
import re
import subprocess
import tempfile

# Traces of how the reference is made, not of what it checks.
ARTEFACT = "runtime error: invalid memory address"


class Case:
    def __init__(self, name):
        self.name = name
        self.files = {"case.conf": b""}
        self.refused = []  # what
        self.refused_at = []  # "line:column", or None where that is not recorded
        self.verdict = ""  # ok, warn or fail
        self.digest = ""
        self.lines = []


def read(path):
    cases = []
    target = None
    with open(path, "rb") as handle:
        for raw in handle:
            line = raw.decode("utf-8").rstrip("\n")
            if line.startswith("### "):
                cases.append(Case(line[4:]))
                target = "case.conf"
            elif line.startswith("%% file "):
                target = line[8:]
                cases[-1].files[target] = b""
            elif line.startswith("%% refused "):
                for part in line[11:].split("; "):
                    at, what = re.fullmatch(r"(?:(\d+:\d+) )?(.*)", part).groups()
                    cases[-1].refused_at.append(at)
                    cases[-1].refused.append(what)
                target = None
            elif line.startswith("%% "):
                cases[-1].verdict, _, cases[-1].digest = line[3:].partition(" ")
                target = None
            elif target is not None:
                cases[-1].files[target] += raw
            else:
                cases[-1].lines.append(line)
    return cases


def write(path, cases):
    with open(path, "wb") as handle:
        for case in cases:
            handle.write(f"### {case.name}\n".encode())
            for name, text in case.files.items():
                if name != "case.conf":
                    handle.write(f"%% file {name}\n".encode())
                handle.write(text)
            if case.refused:
                parts = [f"{at} {what}" if at else what for at, what in zip(case.refused_at, case.refused)]
                handle.write(f"%% refused {'; '.join(parts)}\n".encode())
            handle.write(f"%% {case.verdict} {case.digest}".rstrip().encode() + b"\n")
            for line in case.lines:
                handle.write(line.encode() + b"\n")


def run(binary, case):
    """(verdict, digest, sorted lines) of `binary -t` for the case."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in case.files.items():
            os.makedirs(os.path.join(folder, os.path.dirname(name)), exist_ok=True)
            with open(os.path.join(folder, name), "wb") as handle:
                handle.write(text)
        done = subprocess.run([binary, "-t", "-c", "case.conf"], cwd=folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    output = re.sub(r"^(nats-server|weir): ", "", done.stdout)
    valid = re.search(r"^configuration file case.conf is valid \((sha256:[0-9a-f]+)\)$", output,
                      re.MULTILINE)
    if done.returncode == 0 and valid:
        return "ok", valid.group(1), []
    lines = sorted(line for line in output.split("\n") if line and ARTEFACT not in line)
    warnings = all("invalid use of field" in line or "config has no values" in line
                   or "sampling ignored" in line for line in lines)
    return ("warn" if warnings else "fail"), "", lines
