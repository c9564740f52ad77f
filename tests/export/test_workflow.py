"""Workflow files, end to end: a stream becomes a table, by `weir export run`."""
import json
import signal
import sqlite3
import subprocess
import time

import pytest

from harness.server import WEIR, free_port, is_weir, run_binary
from harness.wire_client import WireClient
from harness.workflow import write_workflow

pytestmark = pytest.mark.skipif(not is_weir(WEIR), reason="the reference has no exports")

STREAM = "READINGS"


@pytest.fixture
def readings(start_server, tmp_path):
    """A server with an empty stream, a connection to it, and a workflow for it."""
    server = start_server()
    with WireClient(server.port) as client:
        client.request(f"$JS.API.STREAM.CREATE.{STREAM}", {"name": STREAM, "subjects": ["readings.>"]})
        yield Readings(server, client, tmp_path)


class Readings:
    def __init__(self, server, client, directory):
        self.server, self.client, self.directory = server, client, directory
        self.database = directory / "out.db"
        self.workflow = self.write()

    def write(self, name="workflow.yaml", **options):
        return write_workflow(self.directory / name, self.server.port, "readings.>", STREAM, self.database,
                              "main.readings", **options)

    def publish(self, *values):
        for value in values:
            ack = self.client.request("readings.room", value if isinstance(value, str) else json.dumps(value))
            assert "seq" in ack, ack

    def export(self, *more):
        return run_binary("export", "run", self.workflow, *more, seconds=60)

    def query(self, text):
        with sqlite3.connect(self.database) as db:
            return db.execute(text).fetchall()

    def columns(self):
        return {name: kind for _, name, kind, *_ in self.query("PRAGMA table_info(readings)")}


def test_the_table_is_made_from_the_data(readings):
    readings.publish({"id": 1, "temperature": 20.5, "room": "hall", "on": True, "note": None, "tags": ["a", {"b": 1}]},
                     {"id": 2, "temperature": 21, "room": "Küche \U0001f373", "on": False, "note": "x", "big": 2**62})

    status, output = readings.export()

    assert status == 0, output
    rows = readings.query("SELECT id, temperature, room, \"on\", note, tags, big FROM readings ORDER BY _js_seq")
    assert [row[:5] for row in rows] == [(1, 20.5, "hall", 1, None), (2, 21.0, "Küche \U0001f373", 0, "x")]
    assert json.loads(rows[0][5]) == ["a", {"b": 1}] and rows[1][5] is None
    assert rows[1][6] == 2**62
    kinds = readings.columns()
    assert (kinds["id"], kinds["temperature"], kinds["room"]) == ("INTEGER", "REAL", "TEXT")
    meta = readings.query("SELECT _js_seq, _js_subject, _js_time FROM readings ORDER BY 1")
    assert [row[:2] for row in meta] == [(1, "readings.room"), (2, "readings.room")]
    assert all(row[2].startswith("20") for row in meta)


def test_a_second_run_adds_only_what_is_new(readings):
    readings.publish(*({"id": n} for n in range(500)))
    assert readings.export()[0] == 0
    assert readings.export()[0] == 0
    assert readings.query("SELECT count(*), sum(id) FROM readings") == [(500, 499 * 250)]

    readings.publish(*({"id": n} for n in range(500, 510)))

    assert readings.export()[0] == 0
    assert readings.query("SELECT count(*), count(DISTINCT _js_seq), sum(id) FROM readings") == [(510, 510, 509 * 255)]


def test_a_new_field_becomes_a_column(readings):
    readings.publish({"id": 1})
    assert readings.export()[0] == 0
    readings.publish({"id": 2, "added": "later"})

    assert readings.export()[0] == 0

    assert readings.query("SELECT id, added FROM readings ORDER BY id") == [(1, None), (2, "later")]


def test_an_empty_stream_is_exported_at_once(readings):
    status, output = readings.export()

    assert status == 0, output


def test_it_goes_on_after_a_restart_of_the_server(readings):
    readings.publish(*({"id": n} for n in range(50)))
    assert readings.export()[0] == 0
    readings.server.kill()
    readings.server.start()
    with WireClient(readings.server.port) as client:
        for n in range(50, 60):
            client.request("readings.room", {"id": n})

    assert readings.export()[0] == 0

    assert readings.query("SELECT count(*), count(DISTINCT id) FROM readings") == [(60, 60)]


def test_a_loop_takes_what_comes_until_it_is_stopped(readings):
    workflow = readings.write("loop.yaml", loop="true")
    process = subprocess.Popen([WEIR, "export", "run", workflow], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for n in range(3):
            readings.publish({"id": n})
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                if readings.database.exists() and "readings" in str(readings.query("SELECT name FROM sqlite_master")):
                    if readings.query("SELECT count(*) FROM readings") == [(n + 1,)]:
                        break
                time.sleep(0.05)
            assert readings.query("SELECT count(*) FROM readings") == [(n + 1,)]
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.wait(10)
    finally:
        process.kill()
        process.wait()


def test_a_row_that_is_no_json_does_not_stop_the_others(readings):
    readings.publish({"id": 1})
    readings.publish("this is no JSON")
    readings.publish({"id": 3})

    status, output = readings.export()

    assert status == 0, output
    assert readings.query("SELECT id FROM readings ORDER BY id") == [(1,), (3,)]
    assert readings.query("SELECT _js_seq FROM readings__rejected") == [(2,)]


def run_in(directory, workflow, **environment):
    done = subprocess.run([WEIR, "export", "run", workflow], cwd=directory, env=environment, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_relative_path_starts_where_the_command_runs(readings):
    readings.workflow.write_text(readings.workflow.read_text().replace(str(readings.database), "/here.db"))
    readings.publish({"id": 1})

    run_in(readings.directory, readings.workflow)

    assert (readings.directory / "here.db").exists()


def test_variables_of_the_environment(readings):
    readings.workflow.write_text(readings.workflow.read_text().replace(str(readings.database), "/{WHERE}/there.db"))
    readings.publish({"id": 1})

    run_in("/", readings.workflow, WHERE=str(readings.directory))

    assert (readings.directory / "there.db").exists()


def complaint(output):
    lines = [line for line in output.split("\n") if line.strip() and "ignored:" not in line]
    assert len(lines) == 1, output
    return lines[0]


MISTAKES = [
    # in the file, instead, what the line must name, the exit status
    ("incremental-strategy:", "incremental-stratgy:", ["incremental-stratgy", "incremental-strategy"], 2),
    ("run-in-loop:", "run-in-lop:", ["run-in-lop", "run-in-loop"], 2),
    ("source-table: READINGS\n", "\n", ["source-table"], 2),
    ("batch_size=", "batchsize=", ["batchsize", "batch_size"], 2),
    ("incremental-strategy: append", "incremental-strategy: apend", ["apend"], 2),
    ("workflow:\n", "workflow\n", ["workflow.yaml"], 2),
    ("sqlite://", "sqlight://", ["sqlight", "sqlite"], 2),
    ("sqlite:///", "sqlite:///{NOWHERE}/", ["NOWHERE"], 2),
]


@pytest.mark.parametrize("right, wrong, named, status", MISTAKES, ids=[m[1].strip() or "missing" for m in MISTAKES])
def test_a_mistake_in_the_file_is_named_and_nothing_is_done(readings, right, wrong, named, status):
    text = readings.workflow.read_text()
    assert right in text
    readings.workflow.write_text(text.replace(right, wrong))
    readings.publish({"id": 1})

    got, output = readings.export()

    assert got == status, output
    line = complaint(output)
    assert all(word in line for word in named), line
    # What only the server can know, it says about the address.
    assert "workflow.yaml" in line or "sqlight://" in line, line
    assert not readings.database.exists()


def test_a_file_that_is_not_there(tmp_path):
    status, output = run_binary("export", "run", tmp_path / "missing.yaml")

    assert status != 0 and str(tmp_path / "missing.yaml") in complaint(output)


def test_a_stream_that_is_not_there(readings):
    readings.workflow.write_text(readings.workflow.read_text().replace("source-table: READINGS", "source-table: NOWHERE"))

    status, output = readings.export()

    assert status != 0 and "NOWHERE" in complaint(output)


def test_a_server_that_is_not_there(readings):
    port = free_port()
    readings.workflow.write_text(readings.workflow.read_text().replace(f":{readings.server.port}?", f":{port}?"))

    status, output = readings.export()

    assert status == 3 and f"127.0.0.1:{port}" in complaint(output)


def test_a_database_whose_folder_is_not_there(readings):
    readings.workflow.write_text(readings.workflow.read_text().replace(str(readings.database), "/proc/weir/out.db"))
    readings.publish({"id": 1})

    status, output = readings.export()

    assert status == 3 and "/proc/weir/out.db" in complaint(output)
