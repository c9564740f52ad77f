"""The layer check finds what it must find, and the source tree is clean."""
import os
import shutil

import pytest

import check_layers
import weir_tool

ROOT = weir_tool.ROOT


@pytest.fixture
def tree(tmp_path):
    """A small tree that passes."""
    files = {
        "protocol/subject.h": "#include <string>\n",
        "storage/stream_store.h": '#include "protocol/subject.h"\n',
        "storage/database.h": '#include "rocksdb/db.h"\n',
        "jetstream/stream.h": '#include "storage/stream_store.h"\n',
        "server/worker.h": "#include <boost/asio/io_context.hpp>\n",
        "ingest/sqlite_sink.h": "#include <sqlite3.h>\n",
        "server/main.cc": '#include "ingest/sqlite_sink.h"\n#include "server/worker.h"\n',
        "tests/unit/protocol/subject_test.cc": "",
        "tests/unit/storage/database_test.cc": "",
        "tests/unit/jetstream/stream_test.cc": "",
        "tests/unit/server/worker_test.cc": "",
        "tests/unit/ingest/sqlite_sink_test.cc": "",
        check_layers.UNTESTED: "# comment\nstorage/stream_store an interface\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_clean_tree_has_no_findings(tree):
    assert check_layers.findings(str(tree)) == []


@pytest.mark.parametrize("path, include, finding", [
    ("protocol/subject.h", '"storage/stream_store.h"', "protocol may not know storage"),
    ("storage/database.h", '"jetstream/stream.h"', "storage may not know jetstream"),
    ("jetstream/stream.h", '"server/worker.h"', "jetstream may not know server"),
    ("jetstream/stream.h", '"storage/database.h"', "jetstream may not include storage/database.h"),
    ("server/worker.h", '"ingest/sqlite_sink.h"', "server may not know ingest"),
    ("ingest/sqlite_sink.h", '"server/worker.h"', "ingest may not know server"),
    ("ingest/sqlite_sink.h", '"storage/database.h"', "ingest may not include storage/database.h"),
    ("jetstream/stream.h", "<thread>", "jetstream may not use threads"),
    ("jetstream/stream.h", '"boost/asio.hpp"', "jetstream may not use boost/asio"),
    ("protocol/subject.h", "<sys/socket.h>", "protocol may not use sockets"),
    ("protocol/subject.h", "<openssl/sha.h>", "protocol may not use openssl"),
    ("server/worker.h", "<sqlite3.h>", "server may not use sqlite3"),
    ("ingest/sqlite_sink.h", "<boost/asio/ip/tcp.hpp>", "ingest may not use boost/asio"),
    ("storage/stream_store.h", '"rocksdb/db.h"', "jetstream reaches rocksdb through storage/stream_store.h"),
    ("protocol/subject.h", '"../storage/database.h"', "own headers are named from the root"),
])
def test_a_wrong_include_is_found(tree, path, include, finding):
    with open(tree / path, "a") as f:
        f.write(f"#include {include}\n")

    found = check_layers.findings(str(tree))

    assert any(finding in line for line in found), found


def test_asio_only_in_its_modules(tree):
    (tree / "server/session.h").write_text('#include "boost/asio.hpp"\n')
    (tree / "tests/unit/server/session_test.cc").write_text("")

    found = check_layers.findings(str(tree))

    assert len(found) == 1 and found[0].startswith("server/session.h:1: "), found


def test_a_module_without_a_test_is_found(tree):
    (tree / "jetstream/shard.cc").write_text("")

    assert check_layers.findings(str(tree)) == [
        f"jetstream/shard: no tests/unit/jetstream/shard_test.cc, and not in {check_layers.UNTESTED}"]


def test_stale_exceptions_are_found(tree):
    (tree / "tests/unit/storage/stream_store_test.cc").write_text("")
    with open(tree / check_layers.UNTESTED, "a") as f:
        f.write("storage/gone an interface\nserver/worker\n")

    found = "\n".join(check_layers.findings(str(tree)))

    assert "storage/stream_store has a test now" in found
    assert "there is no storage/gone" in found
    assert "server/worker needs a reason" in found


def test_a_foreign_top_level_folder_is_found(tree):
    (tree / "util").mkdir()

    assert check_layers.findings(str(tree)) == ["util: not one of the top level's files and folders"]


def test_a_wrong_include_in_a_copy_of_our_tree_is_found(tmp_path):
    for name in check_layers.FOLDERS + ("tests",):
        shutil.copytree(os.path.join(ROOT, name), tmp_path / name,
                        ignore=shutil.ignore_patterns("conformance", "bench", "__pycache__"))
    with open(tmp_path / "protocol/subject.cc", "a") as f:
        f.write('#include "server/options.h"\n')

    found = check_layers.findings(str(tmp_path))

    assert any("protocol may not know server" in line for line in found)


def test_our_tree_is_clean():
    assert check_layers.findings(ROOT) == []


def test_our_files_are_formatted():
    assert weir_tool.unformatted(weir_tool.cpp_files(staged=False)) == []
