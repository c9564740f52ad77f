"""What deploy/ ships: read as Docker, systemd, Compose and Grafana read it, and started for real
wherever that goes without them."""
import configparser
import json
import os
import re
import shlex
import signal
import stat
import subprocess
import time

import dockerfile
import pytest
import yaml

from harness.launch import (Launched, free_port, page, path_with_nats_server, run_nats_server, wait_for_file,
                            wait_for_port)
from harness.server import TOP, WEIR, is_weir
from harness.wire_client import WireClient

DEPLOY = os.path.join(TOP, "deploy")
READY = "Server is ready"

pytestmark = pytest.mark.skipif(not is_weir(WEIR), reason="deploy/ is about Weir")


def path_of(*parts):
    return os.path.join(DEPLOY, *parts)


def text_of(*parts):
    with open(path_of(*parts), encoding="utf-8") as f:
        return f.read()


def yaml_of(*parts):
    return yaml.safe_load(text_of(*parts))


def rewritten(tmp_path, text, **changes):
    """A configuration with paths of this machine: /var/lib/weir and the like become tmp_path, ports
    become free ones."""
    for before, after in changes.items():
        text = text.replace(before, after)
    for folder in ("/var/lib/weir", "/var/run/weir", "/data", "build/dev"):
        text = text.replace(folder, str(tmp_path / folder.rsplit("/", 1)[1]))
    ports = {}
    for port in ("4222", "8222"):
        ports[port] = free_port()
        text = re.sub(rf"\b{port}\b", str(ports[port]), text)
    for folder in ("weir", "data", "dev"):
        (tmp_path / folder).mkdir(exist_ok=True)
    path = tmp_path / "rewritten.conf"
    path.write_text(text, encoding="utf-8")
    return str(path), ports["4222"], ports["8222"]


def checked(path, env=None):
    done = subprocess.run([WEIR, "-t", "-c", path], capture_output=True, text=True, timeout=10, check=False,
                          env=dict(os.environ, **(env or {})))
    assert done.returncode == 0, done.stderr
    assert "is valid" in done.stderr


# ---- the image -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image():
    """The last stage of the Dockerfile, as Docker's own parser reads it."""
    commands = dockerfile.parse_file(path_of("docker", "Dockerfile"))
    stages = []
    for command in commands:
        if command.cmd.upper() == "FROM":
            stages.append([])
        stages[-1].append(command)
    return stages


def of(stage, name):
    return [command for command in stage if command.cmd.upper() == name]


def test_the_image_keeps_the_official_contract(image):
    last = image[-1]
    assert of(last, "ENTRYPOINT")[0].value == ("docker-entrypoint.sh",)
    assert of(last, "CMD")[-1].value == ("nats-server", "--config", "/etc/nats/nats-server.conf")
    assert of(last, "EXPOSE")[0].value == ("4222", "8222", "6222")
    copied = {source: command.value[-1] for command in of(last, "COPY") for source in command.value[:-1]}
    assert copied["deploy/docker/nats-server.conf"] == "/etc/nats/nats-server.conf"
    assert copied["deploy/docker/docker-entrypoint.sh"] == "/usr/local/bin/"
    assert copied["/src/build/release/weir"] == "/usr/local/bin/weir"
    assert "ln -s weir /usr/local/bin/nats-server" in " ".join(command.value[0] for command in of(last, "RUN"))
    assert not of(last, "STOPSIGNAL") and not of(last, "USER")


def test_the_dockerfile_is_clean(image):
    """The rules of a linter: pinned bases, no latest, cleaned lists, no recommended packages, exec
    forms, a shell with pipefail where there are pipes, sources that exist."""
    for stage in image:
        base = of(stage, "FROM")[0].value[0]
        assert ":" in base and not base.endswith(":latest")
        for command in of(stage, "RUN"):
            script = command.value[0]
            if "apt-get install" in script:
                assert "--no-install-recommends" in script and "-y" in script
                assert "apt-get update" in script and "rm -rf /var/lib/apt/lists/*" in script
            if re.search(r"[^|]\|[^|]", script):
                assert any("pipefail" in word for shell in of(stage, "SHELL") for word in shell.value)
            assert not re.search(r"\bsudo\b|\bcd \b|apt upgrade", script)
        for command in of(stage, "ENTRYPOINT") + of(stage, "CMD"):
            assert command.json
        for command in of(stage, "COPY"):
            if not any("--from" in flag for flag in command.flags):
                for source in command.value[:-1]:
                    assert os.path.exists(os.path.join(TOP, source)), source
        assert not of(stage, "ADD") and not of(stage, "MAINTAINER")
    for name in ("docker-entrypoint.sh", "healthcheck.sh", "runtime_packages.sh"):
        assert os.stat(path_of("docker", name)).st_mode & stat.S_IXUSR
        assert subprocess.run(["bash", "-n", path_of("docker", name)], check=False).returncode == 0


@pytest.mark.parametrize("arguments, command", [
    ([], ["nats-server"]),
    (["-js", "-m", "8222"], ["nats-server", "-js", "-m", "8222"]),
    (["--user", "", "--pass", ""], ["nats-server", "--user", "", "--pass", ""]),
    (["nats-server", "--config", "/etc/nats/nats-server.conf"],
     ["nats-server", "--config", "/etc/nats/nats-server.conf"]),
    (["sh", "-c", "echo a b"], ["sh", "-c", "echo a b"]),
])
def test_the_entrypoint_knows_options_from_commands(tmp_path, arguments, command):
    """Programs on the PATH that say how they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("nats-server", "sh-stub"):
        (folder / name).write_text('#!/usr/bin/env python3\nimport json, os, sys\n'
                                   'print(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]))\n')
        (folder / name).chmod(0o755)
    as_stub = [f"{arguments[0]}-stub", *arguments[1:]] if arguments[:1] == ["sh"] else arguments
    done = subprocess.run([path_of("docker", "docker-entrypoint.sh"), *as_stub], capture_output=True, text=True,
                          timeout=10, env=dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"), check=True)
    said = json.loads(done.stdout)
    assert [said[0].removesuffix("-stub"), *said[1:]] == command


def test_the_entrypoint_starts_the_server_and_hands_it_the_signals(tmp_path):
    path, port, monitor = rewritten(tmp_path, text_of("docker", "nats-server.conf"))
    checked(path)
    process = subprocess.Popen([path_of("docker", "docker-entrypoint.sh"), "--config", path],
                               env=dict(os.environ, PATH=path_with_nats_server(tmp_path)), stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        assert page(f"http://127.0.0.1:{monitor}/healthz") == '{"status":"ok"}'
        with WireClient(port) as client:
            assert client.info["host"] == "0.0.0.0"
        process.send_signal(signal.SIGTERM)
        assert process.wait(8) == 0
    finally:
        process.kill()
        process.wait()


def test_the_health_check_asks_the_server(tmp_path):
    check = path_of("docker", "healthcheck.sh")
    monitor = free_port()
    with Launched(tmp_path, ["-a", "127.0.0.1", "-p", "-1", "-m", str(monitor)]) as server:
        server.wait_for(READY)
        page(f"http://127.0.0.1:{monitor}/healthz")
        assert subprocess.run([check, str(monitor)], timeout=10, check=False).returncode == 0
        os.kill(server.pid, signal.SIGSTOP)
        assert subprocess.run([check, str(monitor)], timeout=10, check=False).returncode != 0
        os.kill(server.pid, signal.SIGCONT)
    # Nothing listens: the server runs without monitoring.
    assert subprocess.run([check, str(free_port())], timeout=10, check=False).returncode == 0


def test_packages_of_the_second_stage_are_found():
    done = subprocess.run([path_of("docker", "runtime_packages.sh"), WEIR], capture_output=True, text=True, timeout=20,
                          check=True)
    assert {"libc6", "libstdc++6"} <= set(done.stdout.split())


# ---- systemd -------------------------------------------------------------------------------------


@pytest.fixture
def unit():
    lines = {}
    section = None
    for line in text_of("systemd", "weir.service").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            lines.setdefault((section, key), []).append(value)
    return lines


def test_the_unit_runs_reloads_and_stops_a_server(unit, tmp_path):
    """Its commands with paths of this machine, in the order in which systemd uses them."""
    path, port, monitor = rewritten(tmp_path, text_of("examples", "edge.conf"))
    env = {"WEIR_PASSWORD": "a", "WEIR_DEVICE_PASSWORD": "b"}

    def words(line, pid=""):
        return [{"/usr/bin/weir": WEIR, "/etc/weir/weir.conf": path, "$MAINPID": pid}.get(word, word)
                for word in shlex.split(line)]

    for line in unit["Service", "ExecStartPre"]:
        assert subprocess.run(words(line), timeout=10, env=dict(os.environ, **env), check=False,
                              stderr=subprocess.DEVNULL).returncode == 0
    (start,) = unit["Service", "ExecStart"]
    process = subprocess.Popen(words(start), env=dict(os.environ, **env), stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        for line in unit["Service", "ExecReload"]:
            assert subprocess.run(words(line, str(process.pid)), timeout=10, env=dict(os.environ, **env), check=False,
                                  stderr=subprocess.DEVNULL).returncode == 0
        wait_for_port(port)
        # Whoever is still connected is given time in lame duck mode, so also who has just left unnoticed.
        deadline = time.monotonic() + 10
        while json.loads(page(f"http://127.0.0.1:{monitor}/varz"))["connections"] > 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        (stop,) = unit["Service", "KillSignal"]
        process.send_signal(getattr(signal, stop))
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
    log = wait_for_file(str(tmp_path / "weir" / "weir.log"))
    assert 'Trapped "hangup" signal' in log
    assert "Entering lame duck mode" in log


def test_the_unit_has_the_limits_of_the_reference(unit):
    assert unit["Service", "LimitNOFILE"] == ["800000"]
    assert unit["Service", "TimeoutStopSec"] == ["150"]
    assert unit["Service", "Restart"] == ["on-failure"]
    for setting in ("NoNewPrivileges", "PrivateTmp", "MemoryDenyWriteExecute"):
        assert unit["Service", setting] == ["true"]
    assert unit["Service", "ProtectSystem"] == ["strict"]
    assert unit["Service", "ReadWritePaths"] == ["/var/lib/weir"]
    # What the manual calls an error or a duplicate, configparser does, too.
    strict = configparser.ConfigParser(strict=False, interpolation=None)
    strict.read_string(text_of("systemd", "weir.service"))
    assert strict.sections() == ["Unit", "Service", "Install"]


# ---- example configurations, compose, dashboard ---------------------------------------------------


@pytest.mark.parametrize("name, env, options", [
    ("dev.conf", {}, {}),
    ("edge.conf", {"WEIR_PASSWORD": "a", "WEIR_DEVICE_PASSWORD": "b"}, {"user": "admin", "pass": "a"}),
    ("export.conf", {}, {}),
])
def test_an_example_is_valid_and_serves(tmp_path, name, env, options):
    checked(path_of("examples", name), env)
    path, port, monitor = rewritten(tmp_path, text_of("examples", name))
    with Launched(tmp_path, ["-c", path], env=env):
        wait_for_port(port)
        assert page(f"http://127.0.0.1:{monitor}/healthz") == '{"status":"ok"}'
        with WireClient(port, **options) as client:
            assert "error" not in client.request("$JS.API.INFO")
            listed = client.request("$JS.API.STREAM.CREATE.ORDERS", {"name": "ORDERS", "subjects": ["orders.>"]})
            assert "error" not in listed, listed


def test_an_edge_device_may_do_what_it_is_for(tmp_path):
    path, port, _ = rewritten(tmp_path, text_of("examples", "edge.conf"))
    with Launched(tmp_path, ["-c", path], env={"WEIR_PASSWORD": "a", "WEIR_DEVICE_PASSWORD": "b"}):
        wait_for_port(port)
        with WireClient(port, user="device", **{"pass": "b"}) as client:
            client.send("PUB telemetry.x 1\r\na\r\nSUB commands.1 1\r\nPING\r\n")
            assert client.next() == "PONG"
            client.send("PUB commands.1 1\r\na\r\n")
            assert client.next().startswith("-ERR 'Permissions Violation")


def test_the_compose_file_fits_image_and_configuration(tmp_path, image):
    compose = yaml_of("compose", "compose.yaml")
    weir = compose["services"]["weir"]
    assert os.path.exists(os.path.join(path_of("compose"), weir["build"]["context"], weir["build"]["dockerfile"]))
    assert weir["healthcheck"]["test"][1] == of(image[-1], "HEALTHCHECK")[0].value[-1]
    assert getattr(signal, weir["stop_signal"]) == signal.SIGUSR2
    named = set(compose["volumes"])
    for service in compose["services"].values():
        assert "build" in service or re.search(r":v?\d", service["image"])
        assert set(service.get("depends_on", [])) <= set(compose["services"])
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in named if not source.startswith(".") else os.path.exists(path_of("compose", source)), volume
    targets = yaml_of("compose", "prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]
    path, port, monitor = rewritten(tmp_path, text_of("compose", "weir.conf"))
    assert targets == ["weir:8222"]
    checked(path)
    with Launched(tmp_path, ["-c", path]):
        wait_for_port(port)
        assert page(f"http://127.0.0.1:{monitor}/healthz") == '{"status":"ok"}'


def dashboard_metrics():
    dashboard = json.loads(text_of("compose", "grafana", "dashboards", "weir.json"))
    return {name for panel in dashboard["panels"] for target in panel["targets"]
            for name in re.findall(r"\b(?:nats|weir)_\w+", target["expr"])}


def test_the_dashboard_shows_metrics_that_exist():
    reference = os.path.join(TOP, "tests/conformance/exporter_reference_metrics.txt")
    with open(reference, encoding="utf-8") as f:
        known = {line.split()[0] for line in f if not line.startswith("#")}
    used = dashboard_metrics()
    assert len(used) > 10
    assert {name for name in used if name.startswith("nats_")} <= known
    provider = yaml_of("compose", "grafana", "provisioning", "dashboards", "weir.yaml")["providers"][0]
    source = yaml_of("compose", "grafana", "provisioning", "datasources", "prometheus.yaml")["datasources"][0]
    mounts = yaml_of("compose", "compose.yaml")["services"]["grafana"]["volumes"]
    assert any(mount.split(":")[1] == provider["options"]["path"] for mount in mounts)
    assert source["uid"] == "prometheus"


def test_the_server_answers_with_what_the_dashboard_shows(tmp_path):
    port, monitor = free_port(), free_port()
    arguments = ["-a", "127.0.0.1", "-p", str(port), "-m", str(monitor), "-js", "-sd", str(tmp_path / "store")]
    with Launched(tmp_path, arguments):
        wait_for_port(port)
        with WireClient(port) as client:
            assert "error" not in client.request("$JS.API.STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
            consumer = {"stream_name": "S", "config": {"durable_name": "C", "ack_policy": "explicit"}}
            assert "error" not in client.request("$JS.API.CONSUMER.DURABLE.CREATE.S.C", consumer)
            client.request("s", "x")
        metrics = page(f"http://127.0.0.1:{monitor}/metrics")
    shown = {line.split("{")[0].split(" ")[0] for line in metrics.splitlines() if not line.startswith("#")}
    assert dashboard_metrics() - shown == set()


# ---- the official chart ---------------------------------------------------------------------------

CHART_CONFIG = """{
  "http_port": 8222,
  "jetstream": {
    "max_file_store": 10Gi,
    "max_memory_store": 256Mi,
    "store_dir": "/data"
  },
  "lame_duck_duration": "30s",
  "lame_duck_grace_period": "10s",
  "pid_file": "/var/run/weir/nats.pid",
  "port": 4222,
  include ./more.conf;
  "server_name": $SERVER_NAME,
}
"""


def test_what_the_official_chart_renders_starts_and_stops(tmp_path):
    """Its configuration, probes with the double slash of its exporter, preStop."""
    path, port, monitor = rewritten(tmp_path, CHART_CONFIG)
    (tmp_path / "more.conf").write_text("max_payload: 4MB;\n", encoding="utf-8")
    env = {"SERVER_NAME": "nats-0", "POD_NAME": "nats-0", "GOMEMLIMIT": "1GiB"}
    with Launched(tmp_path, ["--config", path], env=env) as server:
        for query in ("", "?js-server-only=true", "?js-enabled-only=true"):
            assert page(f"http://127.0.0.1:{monitor}/healthz{query}") == '{"status":"ok"}'
        assert json.loads(page(f"http://127.0.0.1:{monitor}//varz"))["server_name"] == "nats-0"
        with WireClient(port) as client:
            assert client.info["server_name"] == "nats-0"
            assert client.info["max_payload"] == 4 << 20
        pid_file = str(tmp_path / "weir" / "nats.pid")
        assert int(wait_for_file(pid_file)) == server.pid
        done = run_nats_server(tmp_path, f"-sl=ldm={pid_file}")
        assert (done.returncode, done.stderr) == (0, "")
        assert server.wait() == 0


@pytest.mark.parametrize("name", ["values-official-chart.yaml", "values-official-chart-sidecars.yaml"])
def test_values_for_the_official_chart_change_little(name):
    values = yaml_of("helm", name)
    assert values["container"]["image"]["fullImageName"].startswith("weir:")
    assert not values["config"].get("cluster", {}).get("enabled", False)
    assert values["config"]["jetstream"]["enabled"] is True
