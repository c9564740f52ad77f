"""How official suites and test containers start a server, and what they wait for.

One test for each row of launching.md and of ecosystem.md 4: the launch line, the readiness rule and
what the launcher does at the end, as those programs do it.
"""
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness.launch import (Launched, free_port, get, page, run_nats_server, wait_for_file,
                            wait_for_port)
from harness.server import PEER, WEIR
from harness.wire_client import WireClient

LISTENING = r"Listening for client connections on (.+):(\d+)"
READY = r"Server is ready"


def config(directory, text, name="server.conf"):
    path = os.path.join(str(directory), name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def port_of(server):
    return int(server.wait_for(LISTENING).group(2))


def answers(port, **options):
    """Does a client get in?"""
    with WireClient(port, **options) as client:
        client.send("PING\r\n")
        return client.next()


# ---- the clients' suites -------------------------------------------------------------------------


def test_announced_version(tmp_path):
    for spelling in ("-v", "--version", "-version", "version"):
        done = run_nats_server(tmp_path, spelling)
        assert (done.returncode, done.stderr) == (0, "")
        assert re.fullmatch(r"nats-server: v2\.15\.\d+\n", done.stdout)
    with Launched(tmp_path, ["-a", "127.0.0.1", "-p", "-1"]) as server:
        with WireClient(port_of(server)) as client:
            assert "nats-server: v" + client.info["version"] == done.stdout.strip()


def test_nats_go(tmp_path):
    """-c FILE with flags that win over the file; the port in LISTEN state; SIGTERM; the same port
    again at once, though connections of before are still in TIME_WAIT."""
    port, monitor = free_port(), free_port()
    path = config(tmp_path, f"listen: 0.0.0.0:{free_port()}\nmax_payload: 1000\n")
    arguments = ["-c", path, "-p", str(port), "-m", str(monitor), "-a", "127.0.0.1"]
    for _ in range(2):
        with Launched(tmp_path, arguments) as server:
            wait_for_port(port)
            with WireClient(port) as client:
                assert client.info["max_payload"] == 1000
                assert (client.info["host"], client.info["port"]) == ("127.0.0.1", port)
                began = time.monotonic()
                assert server.end(signal.SIGTERM) == 0
                assert time.monotonic() - began < 2


def test_nats_go_reload(tmp_path):
    """SIGHUP: the log says one of two things, and flags win over the new file as well."""
    port = free_port()
    path = config(tmp_path, f"port: {port}\nmax_payload: 1000\n")
    with Launched(tmp_path, ["-c", path, "-a", "127.0.0.1"]) as server:
        server.wait_for(READY)
        config(tmp_path, f'port: {port}\nhost: "0.0.0.0"\nmax_payload: 2000\n')
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(r"\[INF\] Reloaded server configuration")
        with WireClient(port) as client:
            assert (client.info["host"], client.info["max_payload"]) == ("127.0.0.1", 2000)
        config(tmp_path, f"port: {free_port()}\n")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(r"\[ERR\] Failed to reload server configuration: .*Port")
        assert answers(port) == "PONG"


@pytest.mark.parametrize("flags", [
    ["-js", "-sd", "STORE"],
    ["-config", "FILE"],
    ["-cluster", "nats://127.0.0.1:-1", "-cluster_name", "abc"],
    ["-user", "u", "-pass", "p"],
    ["-auth", "t"],
], ids=lambda flags: flags[0])
def test_nats_c(tmp_path, flags):
    """One-dash long flags, -l to a file, TCP polling on a fixed port, SIGINT and a wait."""
    path = config(tmp_path, "max_payload: 1000\n")
    flags = [{"STORE": str(tmp_path / "store"), "FILE": path}.get(flag, flag) for flag in flags]
    port, log = free_port(), str(tmp_path / "nats.log")
    with Launched(tmp_path, ["-p", str(port), "-a", "127.0.0.1", "-l", log, *flags]) as server:
        wait_for_port(port)
        with WireClient(port, user="u", **{"pass": "p"}, auth_token="t") as client:
            assert client.info.get("jetstream", False) == ("-js" in flags)
            assert client.info.get("auth_required", False) == ("-user" in flags or "-auth" in flags)
            assert client.info.get("cluster") == ("abc" if "-cluster" in flags else None)
            assert client.info["max_payload"] == (1000 if "-config" in flags else 1048576)
            client.send("PING\r\n")
            assert client.next() == "PONG"
        assert server.end(signal.SIGINT) == 0
        assert server.lines == []
    assert 'Trapped "interrupt" signal' in wait_for_file(log)


@pytest.mark.parametrize("flags, options", [
    ([], {}),
    (["--user", "a", "--pass", "b"], {"user": "a", "pass": "b"}),
    (["--auth", "t"], {"auth_token": "t"}),
    (["--cluster_listen", "nats://127.0.0.1:-1", "--cluster_name", "c"], {}),
    (["-js", "-sd=STORE"], {}),
    (["--config", "FILE"], {}),
], ids=lambda value: value[0] if value and isinstance(value, list) else "")
def test_nats_py_old(tmp_path, flags, options):
    """-p -m -a, then GET /varz until it says 200; SIGKILL at the end."""
    path = config(tmp_path, "max_payload: 1000\n")
    flags = [flag.replace("STORE", str(tmp_path / "store")).replace("FILE", path) for flag in flags]
    port, monitor = free_port(), free_port()
    with Launched(tmp_path, [f"-p={port}", f"-m={monitor}", "-a=127.0.0.1", *flags]) as server:
        status, body = get(f"http://127.0.0.1:{monitor}/varz")
        assert (status, json.loads(body)["port"]) == (200, port)
        wait_for_port(port)
        assert answers(port, **options) == "PONG"
        assert server.end(signal.SIGKILL) == -signal.SIGKILL


def test_nats_py_new(tmp_path):
    with Launched(tmp_path, ["-a", "127.0.0.1", "-p", "-1", "-js", "-sd", str(tmp_path / "store")]) as server:
        host, port = server.wait_for(r"\[INF\] " + LISTENING).groups()
        server.wait_for(r"\[INF\] " + READY)
        assert host == "127.0.0.1"
        assert answers(int(port)) == "PONG"
        assert server.end(signal.SIGTERM) == 0


def test_nats_py_new_lame_duck(tmp_path):
    with Launched(tmp_path, ["-a", "127.0.0.1", "-p", "-1"]) as server:
        with WireClient(port_of(server)) as client:
            client.send("PING\r\n")
            assert client.next() == "PONG"
            server.process.send_signal(signal.SIGUSR2)
            while not client.info.get("ldm"):
                client.info = json.loads(client.read_line().removeprefix("INFO "))
            server.process.send_signal(signal.SIGTERM)  # ignored now
            with pytest.raises(subprocess.TimeoutExpired):
                server.process.wait(0.3)


def test_nats_py_new_lame_duck_without_clients(tmp_path):
    with Launched(tmp_path, ["-a", "127.0.0.1", "-p", "-1"]) as server:
        server.wait_for(READY)
        assert server.end(signal.SIGUSR2) == 0
        server.wait_for("Entering lame duck mode, stop accepting new clients")


@pytest.mark.parametrize("text", ["port = { foo\n", "jetstream {\n"])
def test_nats_py_new_bad_config(tmp_path, text):
    with Launched(tmp_path, ["-c", config(tmp_path, text)]) as server:
        assert server.wait() == 1
        assert re.search("Parse error|EOF|expected", "\n".join(server.lines), re.I)


def test_a_port_in_use_is_fatal(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Launched(tmp_path, ["-a", "127.0.0.1", "-p", str(port)]) as server:
            server.wait_for(rf'\[FTL\] Error listening on port: 127\.0\.0\.1:{port}, ".*address already in use"')
            assert server.wait() == 1


def test_nats_js(tmp_path):
    """A ports file named after the executable and the process; gone at the end."""
    path = config(tmp_path, f"""
listen: "127.0.0.1:-1"
http: "127.0.0.1:-1"
ports_file_dir: "{tmp_path}"
""")
    with Launched(tmp_path, ["-c", path]) as server:
        ports_file = str(tmp_path / f"nats-server_{server.pid}.ports")
        ports = json.loads(wait_for_file(ports_file))
        (client,), (monitor,) = ports["nats"], ports["monitoring"]
        assert re.fullmatch(r"nats://127\.0\.0\.1:\d+", client)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", monitor)
        assert answers(int(client.rsplit(":", 1)[1])) == "PONG"
        for name in ("varz", "jsz", "connz"):
            assert get(f"{monitor}/{name}")[0] == 200
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("Reloaded server configuration")
        assert server.end(signal.SIGTERM) == 0
    assert not os.path.exists(ports_file)


def test_the_ports_file_tells_every_address_of_a_wildcard(tmp_path):
    ports = {}
    for name, binary in (("ours", WEIR), ("peer", PEER)):
        folder = tmp_path / name
        folder.mkdir()
        path = config(folder, f'listen: "0.0.0.0:-1"\nhttp: "0.0.0.0:-1"\nports_file_dir: "{folder}"\n')
        with Launched(folder, ["-c", path], binary=binary) as server:
            server.wait_for("Server is ready")
            file = wait_for_file(str(folder / f"nats-server_{server.pid}.ports"))
        ports[name] = {key: [re.sub(r":\d+$", "", url) for url in urls] for key, urls in json.loads(file).items()}
    assert ports["ours"] == ports["peer"]
    assert "nats://127.0.0.1" in ports["ours"]["nats"]


def test_a_cluster_without_a_name_gets_one(tmp_path):
    path = config(tmp_path, 'listen: "127.0.0.1:-1"\ncluster { port: -1 }\n')
    with Launched(tmp_path, ["-c", path]) as server:
        name = server.wait_for(r"\[INF\]   Cluster:  ([0-9A-Za-z]{22})$")[1]
        port = int(server.wait_for(r"Listening for client connections on 127\.0\.0\.1:(\d+)")[1])
        with WireClient(port) as client:
            assert client.info["cluster"] == name
            server.process.send_signal(signal.SIGHUP)
            server.wait_for("Reloaded server configuration")
        with WireClient(port) as client:
            assert client.info["cluster"] == name


def test_nats_rs(tmp_path):
    """Address and store from the log file, pid from the pid file, `--signal ldm=PID` at the end."""
    path = config(tmp_path, 'host: "127.0.0.1"\njetstream {}\n')
    store, log, pid = (str(tmp_path / name) for name in ("store", "log", "pid"))
    with Launched(tmp_path, ["--store_dir", store, "-p", "-1", "-l", log, "-P", pid, "-c", path]) as server:
        wait_for_file(log)
        deadline = time.monotonic() + 8
        while not re.search(READY, text := wait_for_file(log)):
            assert time.monotonic() < deadline, text
        address = re.search(r"client connections on (\S+)", text).group(1)
        assert os.path.realpath(re.search(r'Store Directory: "(.*)"', text).group(1)) == \
            os.path.realpath(os.path.join(store, "jetstream"))
        number = wait_for_file(pid)
        assert number == str(server.pid)  # no newline: strict parsers read the whole file
        assert answers(int(address.rsplit(":", 1)[1])) == "PONG"
        done = server.run("--signal", f"ldm={number}")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert server.wait() == 0
    assert "Entering lame duck mode, stop accepting new clients" in wait_for_file(log)
    assert wait_for_file(pid) == number  # stays, as the reference's does


def test_nats_java(tmp_path):
    port = free_port()
    path = config(tmp_path, f"port: {port}\n\nauthorization {{\n  user: a\n  password: b\n}}\n")
    with Launched(tmp_path, ["--config", path]) as server:
        wait_for_port(port)
        assert answers(port, user="a", **{"pass": "b"}) == "PONG"
        assert server.end() == 0


def test_nats_pure_rb(tmp_path):
    port, pid = free_port(), str(tmp_path / "nats.pid")
    with Launched(tmp_path, ["-p", str(port), "-a", "127.0.0.1", "-P", pid]) as server:
        wait_for_port(port)
        os.kill(int(wait_for_file(pid)), signal.SIGTERM)
        assert server.wait() == 0


def test_jsm_go(tmp_path):
    arguments = ["--ports_file_dir", str(tmp_path), "-js", "-sd", str(tmp_path / "store"), "-n", "srv", "-m", "-1",
                 "-p", "-1"]
    with Launched(tmp_path, arguments) as server:
        ports = json.loads(wait_for_file(str(tmp_path / f"nats-server_{server.pid}.ports")))
        with WireClient(int(ports["nats"][0].rsplit(":", 1)[1])) as client:
            assert (client.info["server_name"], client.info["jetstream"]) == ("srv", True)
        assert get(ports["monitoring"][0] + "/jsz")[0] == 200


def test_a_store_directory_cannot_be_given_twice(tmp_path):
    path = config(tmp_path, f'jetstream {{ store_dir: "{tmp_path}/one" }}\n')
    done = run_nats_server(tmp_path, "-p", "-1", "-c", path, "-sd", str(tmp_path / "two"))
    assert done.returncode == 1
    assert "Duplicate 'store_dir' configuration" in done.stderr


def test_a_server_on_loopback_gossips_no_addresses(tmp_path):
    with Launched(tmp_path, ["-a", "127.0.0.1", "-p", "-1"]) as server:
        with WireClient(port_of(server)) as client:
            assert "connect_urls" not in client.info


# ---- signals by the command ----------------------------------------------------------------------


@pytest.mark.parametrize("command, status", [("stop", -signal.SIGKILL), ("quit", 0), ("term", 0), ("ldm", 0)])
@pytest.mark.parametrize("spelling", ["-sl={}={}", "--signal={}={}", "-sl|{}={}"])
def test_signal_command_ends_a_server(tmp_path, command, status, spelling):
    pid = str(tmp_path / "pid")
    with Launched(tmp_path, ["-a", "127.0.0.1", "-p", "-1", "-P", pid]) as server:
        server.wait_for(READY)
        done = server.run(*spelling.format(command, pid).split("|"))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert server.wait() == status


def test_signal_command_reopens_the_log(tmp_path):
    log = str(tmp_path / "log")
    with Launched(tmp_path, ["-a", "127.0.0.1", "-p", "-1", "-l", log]) as server:
        while READY not in wait_for_file(log):
            time.sleep(0.01)
        os.rename(log, log + ".1")
        assert server.run("-sl", f"reopen={server.pid}").returncode == 0
        assert "[INF] File log re-opened" in wait_for_file(log)
        assert 'Trapped "user defined signal 1" signal' in wait_for_file(log + ".1")


@pytest.mark.parametrize("value, error", [
    ("bogus=1", 'unknown signal "bogus"'),
    ("ldm=4194999", 'signal "ldm" 4194999: no such process'),
    ("ldm=/no/such/file", "invalid pid"),
])
def test_signal_command_says_what_is_wrong(tmp_path, value, error):
    done = run_nats_server(tmp_path, "-sl", value)
    assert (done.returncode, done.stdout) == (1, "")
    assert error in done.stderr


# ---- test containers -----------------------------------------------------------------------------


def test_testcontainers_go(tmp_path):
    """-DV -js, options as --key value; the port is looked for in /proc/net/tcp, too."""
    path = config(tmp_path, "max_payload: 1000\n", "nats.conf")
    port = free_port()
    arguments = ["-DV", "-js", "--user", "u", "--pass", "p", "--name", "n", "--cluster_name", "c", "-config", path,
                 "-p", str(port), "-sd", str(tmp_path / "store")]
    with Launched(tmp_path, arguments) as server:
        wait_for_port(port)
        listening = []
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with open(table, encoding="ascii") as f:
                listening += [line.split()[1] for line in f if line.split()[3] == "0A"]
        assert any(address.endswith(f":{port:04X}") for address in listening)
        server.wait_for(f"Using configuration file: {re.escape(path)}")
        with WireClient(port, user="u", **{"pass": "wrong"}) as client:
            assert client.next() == "-ERR 'Authorization Violation'"
        with WireClient(port, user="u", **{"pass": "p"}) as client:
            assert client.request("$JS.API.STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})["config"]["name"] == "S"


@pytest.mark.parametrize("flags", [["--jetstream"], ["-js", "-m", "MONITOR"], ["-D"], ["-V"], ["--store_dir", "STORE", "-js"]],
                         ids=lambda flags: flags[0])
def test_testcontainers_java(tmp_path, flags):
    """The log matches .*Server is ready.*; with the monitor, GET /varz is 200."""
    monitor, port = free_port(), free_port()
    store = str(tmp_path / "store")
    flags = [{"MONITOR": str(monitor), "STORE": store}.get(flag, flag) for flag in flags]
    if "--store_dir" not in flags:
        flags += ["-sd", store]
    with Launched(tmp_path, ["-p", str(port), *flags]) as server:
        server.wait_for(r".*Server is ready.*")
        assert answers(port) == "PONG"
        if "-m" in flags:
            assert get(f"http://127.0.0.1:{monitor}/varz")[0] == 200


def test_testcontainers_python(tmp_path):
    with Launched(tmp_path, ["-js", "-p", "-1", "-sd", str(tmp_path / "store")]) as server:
        server.wait_for(READY)
        with WireClient(port_of(server)) as client:
            assert "error" not in client.request("$JS.API.STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})


def test_testcontainers_node(tmp_path):
    """Credentials by default; without JetStream its API has no responders."""
    port = free_port()
    with Launched(tmp_path, ["-p", str(port), "--user", "test", "--pass", "test"]) as server:
        server.wait_for(r"Server is ready")
        with WireClient(port, user="test", **{"pass": "test"}) as client:
            client.send("SUB r 1\r\nPUB $JS.API.INFO r 0\r\n\r\n")
            assert client.next()[4].startswith(b"NATS/1.0 503")


def test_testcontainers_dotnet(tmp_path):
    """Empty credentials mean none, the last of repeated flags wins, and the body of /healthz is
    compared byte for byte."""
    port, monitor = free_port(), free_port()
    arguments = ["-p", str(port), "--user", "", "--pass", "", "--http_port", str(monitor), "--jetstream", "--debug",
                 "--trace", "-sd", str(tmp_path / "store")]
    with Launched(tmp_path, arguments):
        assert page(f"http://127.0.0.1:{monitor}/healthz") == '{"status":"ok"}'
        assert answers(port) == "PONG"
    with Launched(tmp_path, arguments + ["--user", "u%!?&", "--pass", "p%!?&"]):
        assert page(f"http://127.0.0.1:{monitor}/healthz") == '{"status":"ok"}'
        assert answers(port, user="u%!?&", **{"pass": "p%!?&"}) == "PONG"
        with WireClient(port) as client:
            assert client.next() == "-ERR 'Authorization Violation'"


def test_testcontainers_rust(tmp_path):
    port = free_port()
    with Launched(tmp_path, ["-p", str(port), "-js", "-sd", str(tmp_path / "store")]) as server:
        server.wait_for(f"Listening for client connections on 0.0.0.0:{port}")
        server.wait_for(READY)
        log = server.lines
        assert log.index(next(line for line in log if "Listening for client" in line)) < \
            log.index(next(line for line in log if READY in line))
