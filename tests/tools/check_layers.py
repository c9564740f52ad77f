#!/usr/bin/env python3
"""check_layers.py [ROOT] - checks that the arrows between folders go down only.

Reads the #include lines of every source file and reports
  * an own header of a folder that this folder may not know,
  * a third-party or system header that this folder may not use (also reached through own headers,
    where the table says that a folder must be free of it),
  * a module without a unit test that is not in untested_modules.txt with a reason,
  * a file in the top level or a source file too long for one idea.
One line per finding, `file:line: what`; exit status 1 when there is any.
"""
import os
import re
import sys

FOLDERS = ("protocol", "storage", "jetstream", "server", "ingest")
TOP_LEVEL = {
    "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md",
    "server", "storage", "protocol", "jetstream", "ingest", "tests", "deploy",
}
MAX_LINES = 800

# main.cc puts the parts together: it alone may see everything.
EXEMPT = {"server/main.cc"}

# Headers of a lower folder that others may include; a folder that is not named is open as a whole.
STORAGE_FREE_OF_ROCKSDB = {
    "storage/stream_store.h", "storage/commit_queue.h", "storage/meta_store.h",
    "storage/sequence_set.h", "storage/record.h", "storage/block.h", "storage/s2_stream.h",
}
OWN = {
    "protocol": {"protocol": None},
    "storage": {"protocol": None, "storage": None},
    "jetstream": {"protocol": None, "jetstream": None, "storage": STORAGE_FREE_OF_ROCKSDB},
    "server": {"protocol": None, "storage": None, "jetstream": None, "server": None},
    # stream_store.h for the types that jetstream/log_cursor.h hands out (MessageRun).
    "ingest": {"protocol": None, "jetstream": None, "ingest": None,
               "storage": {"storage/blocking_pool.h", "storage/stream_store.h"}},
}

# Third-party headers by the library they belong to.
LIBRARIES = (
    ("absl", r"absl/"),
    ("boost/json", r"boost/json([./]|$)"),
    ("boost/asio", r"boost/asio([./]|$)"),
    ("boost/beast", r"boost/beast([./]|$)"),
    ("boost/url", r"boost/url([./s]|$)"),
    ("boost/system", r"boost/system/"),
    ("rocksdb", r"rocksdb/"),
    ("openssl", r"openssl/"),
    ("sodium", r"sodium(\.h|/)"),
    ("crypt", r"crypt\.h$"),
    ("simdjson", r"simdjson"),
    ("yaml-cpp", r"yaml-cpp/"),
    ("sqlite3", r"sqlite3\.h$"),
    ("libpq", r"(postgresql/)?(libpq-fe|pg_config|libpq/.*)\.h$"),
    ("mariadb", r"(mariadb/)?mysql\.h$|mysql/|mariadb/"),
    ("libcurl", r"curl/"),
    ("librdkafka", r"librdkafka/"),
    ("arrow", r"(arrow|parquet)/"),
    ("codecs", r"(zstd|zlib|lz4|lz4frame|snappy|snappy-c|brotli/.*)\.h$"),
    ("sockets", r"(sys/(socket|epoll|un)|netinet/.*|arpa/inet|netdb|poll|ifaddrs|net/if)\.h$"),
    ("threads", r"(thread|future|stop_token|condition_variable|semaphore|barrier|latch)$|pthread\.h$"),
)
THIRD_PARTY = {
    "protocol": {"absl", "boost/json"},
    "storage": {"absl", "boost/json", "rocksdb", "openssl", "sodium", "codecs", "threads"},
    "jetstream": {"absl", "boost/json"},
    "server": {"absl", "boost/json", "boost/system", "rocksdb", "openssl", "sodium", "crypt", "boost/asio",
               "boost/beast", "codecs", "sockets", "threads"},
    "ingest": {"absl", "boost/json", "boost/url", "boost/system", "simdjson", "yaml-cpp", "sqlite3",
               "libpq", "mariadb", "libcurl", "librdkafka", "arrow", "codecs", "openssl", "sodium",
               "sockets", "threads"},
}
# What single files may use beyond their folder.
FILE_MAY = {
    "protocol/base/mutex.h": {"threads"},
    "protocol/base/affinity.h": {"threads"},
    # Its callers are export threads: they wait here for the stream's home.
    "jetstream/log_cursor.cc": {"threads"},
}
# Libraries that inside a folder only these modules may use.
ONLY_MODULES = {
    ("server", "boost/asio"): {"worker", "listener", "transport", "ws_transport", "connection", "http_server",
                               "tcp_acceptor", "server",
                               "asio_impl"},  # where the library itself is compiled
    ("server", "boost/beast"): {"ws_transport", "http_server"},
    ("server", "codecs"): {"content_encoding"},
    ("storage", "codecs"): {"s2_stream", "value_sealer"},
}
# Libraries that must not be reached through own headers either.
MUST_NOT_REACH = {
    "protocol": {"rocksdb", "boost/asio", "boost/beast"},
    "jetstream": {"rocksdb", "boost/asio", "boost/beast"},
    "ingest": {"rocksdb", "boost/asio", "boost/beast"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
UNTESTED = "tests/tools/untested_modules.txt"


def library_of(header):
    for name, pattern in LIBRARIES:
        if re.match(pattern, header):
            return name
    return None


def source_files(root):
    for folder in FOLDERS:
        for where, dirs, names in os.walk(os.path.join(root, folder)):
            dirs.sort()
            for name in sorted(names):
                if name.endswith((".h", ".cc")):
                    yield os.path.relpath(os.path.join(where, name), root).replace(os.sep, "/")


def read_includes(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1) or match.group(2)


def module_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def check_own(folder, header):
    """Why `folder` may not include the own header, or None."""
    target = header.split("/")[0]
    if target == "tests":
        return f"{folder} includes the tests' {header}"
    allowed = OWN[folder].get(target, ())
    if target not in OWN[folder]:
        return f"{folder} may not know {target} ({header})"
    if allowed is not None and header not in allowed:
        return f"{folder} may not include {header}, of {target} only {', '.join(sorted(allowed))}"
    return None


def check_library(path, folder, header):
    library = library_of(header)
    if library is None:
        if header.startswith("boost/"):
            return f"{header}: not in the table of third-party headers"
        return None
    if library in FILE_MAY.get(path, ()):
        return None
    if library not in THIRD_PARTY[folder]:
        return f"{folder} may not use {library} ({header})"
    only = ONLY_MODULES.get((folder, library))
    if only is not None and module_of(path) not in only:
        return f"{header}: in {folder} only {', '.join(sorted(only))} may use {library}"
    return None


def check_reach(includes, path, folder):
    """Forbidden libraries reached through own headers: (line, text)."""
    forbidden = MUST_NOT_REACH.get(folder)
    if not forbidden:
        return
    for line, header in includes[path]:
        seen, todo = set(), [(header, header)]
        while todo:
            current, chain = todo.pop()
            if current in seen or current not in includes:
                continue
            seen.add(current)
            for _, inner in includes[current]:
                library = library_of(inner)
                if library in forbidden:
                    yield line, f"{folder} reaches {library} through {chain} -> {inner}"
                todo.append((inner, f"{chain} -> {inner}"))


def check_includes(root):
    files = list(source_files(root))
    includes = {path: list(read_includes(root, path)) for path in files}
    for path in files:
        folder = path.split("/")[0]
        if path in EXEMPT:
            continue
        for line, header in includes[path]:
            if header.split("/")[0] in FOLDERS + ("tests",):
                problem = check_own(folder, header)
            elif header.startswith(".."):
                problem = f"{header}: own headers are named from the root"
            else:
                problem = check_library(path, folder, header)
            if problem:
                yield f"{path}:{line}: {problem}"
        for line, problem in check_reach(includes, path, folder):
            yield f"{path}:{line}: {problem}"


def check_tested(root):
    """Every module has tests/unit/<path>_test.cc or a line in untested_modules.txt."""
    listed = {}
    with open(os.path.join(root, UNTESTED), encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            module, _, reason = line.partition(" ")
            if not reason.strip():
                yield f"{UNTESTED}:{number}: {module} needs a reason"
            listed[module] = number
    modules = {os.path.splitext(path)[0] for path in source_files(root)} - {"server/main"}
    tests = set()
    for where, _, names in os.walk(os.path.join(root, "tests", "unit")):
        for name in names:
            if name.endswith("_test.cc"):
                path = os.path.relpath(os.path.join(where, name), os.path.join(root, "tests", "unit"))
                tests.add(path[: -len("_test.cc")].replace(os.sep, "/"))
    for module in sorted(modules - tests - set(listed)):
        yield f"{module}: no tests/unit/{module}_test.cc, and not in {UNTESTED}"
    for module in sorted(set(listed) & tests):
        yield f"{UNTESTED}:{listed[module]}: {module} has a test now"
    for module in sorted(set(listed) - modules):
        yield f"{UNTESTED}:{listed[module]}: there is no {module}"


def check_shape(root):
    for name in sorted(os.listdir(root)):
        if not name.startswith(".") and name != "build" and name not in TOP_LEVEL:
            yield f"{name}: not one of the top level's files and folders"
    for path in source_files(root):
        with open(os.path.join(root, path), encoding="utf-8") as f:
            lines = sum(1 for _ in f)
        if lines > MAX_LINES:
            yield f"{path}:{lines}: longer than {MAX_LINES} lines: which two ideas are in it?"


def findings(root):
    return [*check_includes(root), *check_tested(root), *check_shape(root)]


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    found = findings(os.path.abspath(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
