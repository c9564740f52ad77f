"""Where log lines go: rotated files, syslog; and their shape."""
import os
import re
import socket
import time

import pytest

from harness.launch import Launched, free_port, wait_for_port
from harness.wire_client import WireClient

START = ["-a", "127.0.0.1", "-p", "-1"]
STAMP = r"\d{4}\.\d\d\.\d\d\.\d\d\.\d\d\.\d\d\.\d{9}"


def contents(path):
    with open(path, encoding="utf-8", newline="") as f:
        return f.read()


@pytest.mark.parametrize("by_flag", [True, False])
def test_a_log_file_is_rotated_by_size(tmp_path, by_flag):
    log = str(tmp_path / "nats.log")
    config = tmp_path / "server.conf"
    config.write_text(f'log_file: "{log}"\nlog_size_limit: 300\nlogfile_max_num: 3\n')
    arguments = ["-l", log, "--log_size_limit", "300"] if by_flag else ["-c", str(config)]
    port = free_port()
    with Launched(tmp_path, ["-a", "127.0.0.1", "-p", str(port), "-D"] + arguments) as server:
        wait_for_port(port)
        for _ in range(20):
            WireClient(port).socket.close()
            time.sleep(0.01)
        assert server.end() == 0
        assert server.lines == []
    backups = sorted(name for name in os.listdir(tmp_path) if re.fullmatch(rf"nats\.log\.{STAMP}", name))
    assert len(backups) > 3 if by_flag else len(backups) == 2, backups
    assert re.match(rf'\[\d+\] \S+ \S+ \[INF\] Rotated log, backup saved as "{re.escape(log)}\.{STAMP}"\r\n', contents(log))
    for name in backups:
        assert 300 < os.path.getsize(tmp_path / name) < 700
    assert os.stat(log).st_mode & 0o777 == 0o640


def test_a_remote_syslog_gets_the_lines(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(8)
        with Launched(tmp_path, START + ["-D", "-r", f"udp://127.0.0.1:{daemon.getsockname()[1]}"]) as server:
            first = daemon.recv(4096).decode()
            assert re.fullmatch(r"<5>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d) \S+ "
                                rf"nats-server\[{server.pid}\]: Starting nats-server\n", first)
            while "Server is ready" not in daemon.recv(4096).decode():
                pass
            assert server.lines == []


def test_a_syslog_socket_gets_the_lines(tmp_path):
    path = str(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as daemon:
        daemon.bind(path)
        daemon.listen()
        daemon.settimeout(8)
        with Launched(tmp_path, START + ["--remote_syslog", f"unix://{path}"]) as server:
            connection, _ = daemon.accept()
            with connection:
                first = connection.makefile(encoding="utf-8").readline()
            assert re.fullmatch(rf"<5>\w{{3}} [ \d]\d \d\d:\d\d:\d\d nats-server\[{server.pid}\]: Starting nats-server\n",
                                first)


@pytest.mark.parametrize("flags, shape", [
    ([], r"\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} \[INF\] Starting nats-server"),
    (["-T=false"], r"\[\d+\] \[INF\] Starting nats-server"),
    (["--logtime_utc"], r"\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} \[INF\] Starting nats-server"),
])
def test_the_shape_of_a_line(tmp_path, flags, shape):
    with Launched(tmp_path, START + flags, env={"TZ": "America/Lima"}) as server:
        server.wait_for("Server is ready")
        first = server.lines[0]
        assert re.fullmatch(shape, first)
        if "-T=false" not in flags:
            hour = int(re.search(r" (\d\d):", first).group(1))
            now = time.gmtime(time.time() - (0 if flags else 5 * 3600))
            assert hour in (now.tm_hour, (now.tm_hour - 1) % 24)


def test_a_log_file_that_cannot_be_opened_ends_the_start(tmp_path):
    with Launched(tmp_path, START + ["-l", str(tmp_path / "no/such/folder/log")]) as server:
        assert server.wait() == 1
        assert "no such file or directory" in "\n".join(server.lines)
