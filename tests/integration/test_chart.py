"""The chart of deploy/helm/weir: rendered by Helm's own engine, and what it renders started for real."""
import json
import os
import subprocess

import helm_python as helm
import pytest
import yaml

from harness.launch import (Launched, free_port, get, page, path_with_nats_server, run_nats_server, wait_for_file,
                            wait_for_port)
from harness.server import TOP, WEIR, is_weir
from harness.wire_client import WireClient

CHART = os.path.join(TOP, "deploy/helm/weir")
ENTRYPOINT = os.path.join(TOP, "deploy/docker/docker-entrypoint.sh")

pytestmark = pytest.mark.skipif(not is_weir(WEIR), reason="the chart is Weir's")

EVERYTHING = {
    "fullnameOverride": "broker",
    "image": {"repository": "registry.example/weir", "tag": "9"},
    "config": {"jetstream": {"storage": {"size": "5Gi", "storageClassName": "fast"}, "maxMemoryStore": "64Mi"},
               "extra": "authorization {\n  user: a\n  password: $PASSWORD\n}\nmax_payload: 4MB"},
    "env": [{"name": "PASSWORD", "value": "secret"}],
    "extraArgs": ["-D"],
    "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "podAnnotations": {"a": "b"},
    "tolerations": [{"key": "k", "operator": "Exists"}],
    "secretMounts": [{"name": "tls", "mountPath": "/etc/tls"}],
}
WITHOUT_STORE = {"config": {"jetstream": {"enabled": False}}}


def rendered(values):
    """{kind or kind/name: object} of the chart."""
    found = {}
    with helm.Chart.load(CHART) as chart:
        for name, text in chart.render(values, name="demo", namespace="prod").items():
            if not name.endswith(".txt"):
                for document in yaml.safe_load_all(text):
                    if document:
                        found[f"{document['kind']}/{document['metadata']['name']}"] = document
                        found.setdefault(document["kind"], document)
    return found


def container_of(objects):
    (container,) = objects["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    return container


def here(text, tmp_path, ports):
    """The same with paths and ports of this machine."""
    for folder in ("/data", "/var/run/weir", "/etc/weir"):
        text = text.replace(folder, str(tmp_path / folder.strip("/").replace("/", "-")))
    return text.replace("4222", str(ports["nats"])).replace("8222", str(ports["monitor"]))


def test_the_chart_has_no_findings():
    findings = helm.lint(CHART)
    assert not findings["errors"]
    assert [message for message in findings["messages"] if "icon" not in message["error"]] == []


@pytest.mark.parametrize("values", [{}, EVERYTHING, WITHOUT_STORE], ids=["defaults", "everything", "no store"])
def test_what_it_renders_fits_together(values):
    objects = rendered(values)
    pod = objects["StatefulSet"]["spec"]["template"]
    container = container_of(objects)
    labels = pod["metadata"]["labels"]
    ports = {port["name"] for port in container["ports"]}
    services = [value for name, value in objects.items() if name.startswith("Service/")]
    assert len(services) == 2
    for service in services:
        assert service["spec"]["selector"].items() <= labels.items()
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    assert objects["StatefulSet"]["spec"]["serviceName"] in {service["metadata"]["name"] for service in services}
    assert objects["StatefulSet"]["spec"]["replicas"] == 1
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    volumes |= {claim["metadata"]["name"] for claim in objects["StatefulSet"]["spec"].get("volumeClaimTemplates", [])}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert pod["spec"]["volumes"][0]["configMap"]["name"] == objects["ConfigMap"]["metadata"]["name"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] in ports
    assert ("PodMonitor" in objects) == (values is EVERYTHING)


def test_values_arrive_where_they_belong():
    objects = rendered(EVERYTHING)
    container = container_of(objects)
    assert objects["StatefulSet"]["metadata"]["name"] == "broker"
    assert container["image"] == "registry.example/weir:9"
    assert container["args"][-1] == "-D"
    claim = objects["StatefulSet"]["spec"]["volumeClaimTemplates"][0]["spec"]
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("fast", "5Gi")
    assert objects["PodMonitor"]["spec"]["podMetricsEndpoints"][0]["path"] == "/metrics"
    with_other_config = rendered({"config": {"extra": "max_payload: 2MB"}})["StatefulSet"]
    checksums = {each["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
                 for each in (objects["StatefulSet"], with_other_config)}
    assert len(checksums) == 2


@pytest.mark.parametrize("values, options", [
    ({}, {}),
    (EVERYTHING, {"user": "a", "pass": "secret"}),
    (WITHOUT_STORE, {}),
], ids=["defaults", "everything", "no store"])
def test_the_pod_starts_answers_its_probes_and_stops(tmp_path, values, options):
    """The container's arguments through the image's entrypoint, its probes, then preStop."""
    objects = rendered(values)
    container = container_of(objects)
    ports = {"nats": free_port(), "monitor": free_port()}
    for folder in ("data", "var-run-weir", "etc-weir"):
        (tmp_path / folder).mkdir()
    (tmp_path / "etc-weir" / "weir.conf").write_text(here(objects["ConfigMap"]["data"]["weir.conf"], tmp_path, ports))
    env = {each["name"]: each.get("value", "demo-weir-0") for each in container["env"]}
    env["SERVER_NAME"] = env["SERVER_NAME"].replace("$(POD_NAME)", env["POD_NAME"])
    arguments = [here(argument, tmp_path, ports) for argument in container["args"]]

    checked = subprocess.run([WEIR, "-t", "-c", arguments[1]], env=dict(os.environ, **env), timeout=10, check=False,
                             capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    server = subprocess.Popen([ENTRYPOINT, *arguments], stderr=subprocess.DEVNULL,
                              env=dict(os.environ, **env, PATH=path_with_nats_server(tmp_path)))
    try:
        wait_for_port(ports["nats"])
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            at = container[probe]["httpGet"]
            assert page(f"http://127.0.0.1:{ports['monitor']}{at['path']}") == '{"status":"ok"}'
        with WireClient(ports["nats"], **options) as client:
            assert client.info["server_name"] == "demo-weir-0"
            assert client.info.get("jetstream", False) == (values is not WITHOUT_STORE)
            client.send("PING\r\n")
            assert client.next() == "PONG"
        command = [here(word, tmp_path, ports) for word in container["lifecycle"]["preStop"]["exec"]["command"]]
        assert wait_for_file(command[1].split("=", 2)[2]) == str(server.pid)
        done = run_nats_server(tmp_path, *command[1:])
        assert (done.returncode, done.stderr) == (0, "")
        assert server.wait(10) == 0
    finally:
        server.kill()
        server.wait()


def test_the_connection_test_of_the_chart_connects(tmp_path):
    objects = rendered({})
    (container,) = objects["Pod"]["spec"]["containers"]
    with Launched(tmp_path, ["-a", "127.0.0.1", "-p", str(port := free_port())]):
        wait_for_port(port)
        command = [word.replace("/dev/tcp/demo-weir/4222", f"/dev/tcp/127.0.0.1/{port}") for word in container["command"]]
        assert command != container["command"]
        assert subprocess.run(command, timeout=10, check=False).returncode == 0


def test_metrics_are_where_the_pod_monitor_looks(tmp_path):
    endpoint = rendered(EVERYTHING)["PodMonitor"]["spec"]["podMetricsEndpoints"][0]
    monitor = free_port()
    with Launched(tmp_path, ["-a", "127.0.0.1", "-p", "-1", "-m", str(monitor)]):
        page(f"http://127.0.0.1:{monitor}/healthz")
        status, body = get(f"http://127.0.0.1:{monitor}{endpoint['path']}")
        assert status == 200
        assert "nats_varz_connections " in body or "nats_varz_connections{" in body
        assert json.loads(page(f"http://127.0.0.1:{monitor}/varz"))["connections"] == 0
