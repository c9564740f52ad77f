"""Starts a server binary - ours, or the reference - on loopback and looks after its process."""
import datetime
import glob
import os
import random
import re
import signal
import socket
import subprocess
import time

TOP = os.environ.get("WEIR_TOP") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
WEIR = os.environ.get("WEIR_BIN") or os.path.join(TOP, "build/release/weir")
PEER = os.environ.get("WEIR_PEER") or os.path.join(TOP, "build/venv/bin/nats-server")


def runqueue_ms(pid):
    """How long the threads that start a server were ready to run and had no processor."""
    total = 0.0
    for task in glob.glob(f"/proc/{pid}/task/*"):
        with open(f"{task}/comm", encoding="ascii") as name, open(f"{task}/schedstat", encoding="ascii") as stat:
            if task.endswith(f"/{pid}") or name.read().startswith("worker-0"):
                total += int(stat.read().split()[1]) / 1e6
    return total


def is_weir(binary):
    return os.path.basename(binary) == "weir"


def free_port():
    """A port below the ephemeral range, so that no client's own port can take it between restarts."""
    for _ in range(200):
        port = random.randint(20000, 31999)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port on loopback")


class Server:
    """One server with a configuration file, a store directory and a log in `directory`.

    start() waits until the log says that the server is ready. stop() asks politely, kill() does not;
    both keep port and store, so that start() goes on where it was. Use it as a context manager.
    """

    def __init__(self, directory, binary=None, *, workers=None, sync="always", config="", jetstream="",
                 port=None, store=None):
        self.binary = binary or WEIR
        self.is_weir = is_weir(self.binary)
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.port = port or free_port()
        self.store = str(store or os.path.join(self.directory, "store"))
        self.log_path = os.path.join(self.directory, "server.log")
        self.config_path = os.path.join(self.directory, "server.conf")
        self.process = None
        self._began = 0.0
        self.flags = []  # behind "-c file" at the next start
        self._from = 0
        self._lines = [
            f'listen: "127.0.0.1:{self.port}"',
            "server_name: S1",
            f'jetstream {{ store_dir: "{self.store}", {f"sync_interval: {sync}, " if sync else ""}{jetstream} }}',
        ]
        workers = workers or os.environ.get("WEIR_WORKERS")
        if workers and self.is_weir:
            self._lines.append(f"workers: {workers}")
        self.write_config(config)

    def write_config(self, config):
        """The configuration file anew: what every server has, and `config`."""
        with open(self.config_path, "w", encoding="utf-8") as f:
            f.write("\n".join([*self._lines, config]) + "\n")

    def reload(self, config, seconds=20.0):
        """Writes `config` and sends SIGHUP; what the log says of it, a list of "[LVL] text"."""
        self.write_config(config)
        before = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            log = self.log()[before:]
            if log.endswith("\n") and ("Reloaded server configuration" in log or "Failed to reload" in log):
                return [re.sub(r"^\[\d+\] [\d/]+ [\d:.]+ ", "", line) for line in log.splitlines()]
            time.sleep(0.01)
        raise AssertionError(f"no reload after {seconds} s; the log:\n{self.log()}")

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        """What this start of the server has logged so far."""
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            f.seek(self._from)
            return f.read()

    def wait_for_log(self, text, seconds=10.0):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if text in self.log():
                return
            time.sleep(0.01)
        raise AssertionError(f"not in the log after {seconds} s: {text!r}; the log:\n{self.log()}")

    def start(self, seconds=20.0):
        assert not self.running(), "already running"
        self._began = time.time()
        with open(self.log_path, "ab") as log:
            self._from = log.tell()
            self.process = subprocess.Popen([self.binary, "-c", self.config_path, *self.flags],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + seconds
        while "Server is ready" not in self.log():
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"not ready after {seconds} s:\n{self.log()}")
            time.sleep(0.001)
        return self

    def ready_ms(self):
        """From the start of the process to its line "Server is ready"; without the time that other
        work on the machine kept it from running. Just after start()."""
        stamp = re.search(r"\] (\S+ \S+) \[INF\] Server is ready", self.log()).group(1)
        ready = datetime.datetime.strptime(stamp, "%Y/%m/%d %H:%M:%S.%f").timestamp()
        return (ready - self._began) * 1000 - runqueue_ms(self.pid)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds=10.0):
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end {seconds} s after SIGTERM:\n{self.log()}") from None

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def usage(self):
        """(CPU seconds used, resident bytes, anonymous resident bytes) of the process."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        sizes = {}
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith(("VmRSS", "RssAnon")):
                    sizes[line.split(":")[0]] = int(line.split()[1]) * 1024
        return cpu, sizes["VmRSS"], sizes["RssAnon"]

    def __enter__(self):
        if not self.running():
            self.start()
        return self

    def __exit__(self, *_):
        if self.running():
            self.kill()


def run_binary(*arguments, binary=None, seconds=20.0, cwd=None):
    """Runs a command that is expected to end by itself: (exit status, everything it printed)."""
    run = subprocess.run([binary or WEIR, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds, check=False, cwd=cwd)
    return run.returncode, run.stdout
