"""Starts a server as other people's launchers do: by the name nats-server, found on the PATH."""
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from harness.server import WEIR, free_port


def path_with_nats_server(directory, binary=None):
    """A PATH whose first folder, made in `directory`, holds the server under the name nats-server."""
    folder = os.path.join(str(directory), "bin")
    os.makedirs(folder, exist_ok=True)
    link = os.path.join(folder, "nats-server")
    if not os.path.lexists(link):
        os.symlink(os.path.abspath(binary or WEIR), link)
    return folder + os.pathsep + os.environ["PATH"]


class Launched:
    """A running `nats-server ARGUMENTS...`; its standard error is collected line by line."""

    def __init__(self, directory, arguments, binary=None, env=None):
        self.env = dict(os.environ, **(env or {}), PATH=path_with_nats_server(directory, binary))
        self.directory = str(directory)
        self.process = subprocess.Popen(["nats-server", *arguments], env=self.env, cwd=self.directory,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        self.pid = self.process.pid
        self._lines = []
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self):
        for line in self.process.stderr:
            with self._grown:
                self._lines.append(line.rstrip("\n"))
                self._grown.notify_all()

    @property
    def lines(self):
        with self._grown:
            return list(self._lines)

    def wait_for(self, pattern, seconds=8.0):
        """The match of the first line of standard error in which `pattern` is found."""
        deadline = time.monotonic() + seconds
        seen = 0
        with self._grown:
            while True:
                for line in self._lines[seen:]:
                    if found := re.search(pattern, line):
                        return found
                seen = len(self._lines)
                left = deadline - time.monotonic()
                assert left > 0, f"{pattern!r} not within {seconds} s in:\n" + "\n".join(self._lines)
                self._grown.wait(left)

    def end(self, number=signal.SIGTERM, seconds=8.0):
        """Sends the signal and waits: the exit status."""
        self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds=8.0):
        status = self.process.wait(seconds)
        self._reader.join(2)
        return status

    def run(self, *arguments, seconds=8.0):
        """Another `nats-server ARGUMENTS...` beside this one, with its output."""
        return run_nats_server(self.directory, *arguments, seconds=seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(2)
        self.process.stderr.close()


def run_nats_server(directory, *arguments, seconds=8.0):
    """A `nats-server ARGUMENTS...` that ends by itself."""
    return subprocess.run(["nats-server", *arguments], capture_output=True, text=True, timeout=seconds,
                          cwd=str(directory), env=dict(os.environ, PATH=path_with_nats_server(directory)), check=False)


def wait_for_port(port, host="127.0.0.1", seconds=8.0):
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((host, port), timeout=1):
                return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {host}:{port}"
            time.sleep(0.01)


def wait_for_file(path, seconds=8.0):
    """The content of a file, once it is there and not empty."""
    deadline = time.monotonic() + seconds
    while True:
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                if text := f.read():
                    return text
        assert time.monotonic() < deadline, f"no {path}; there is {os.listdir(os.path.dirname(path))}"
        time.sleep(0.01)


def get(url, seconds=8.0):
    """(status, body) of a page, tried until something answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            assert time.monotonic() < deadline, f"no answer from {url}"
            time.sleep(0.02)


def page(url, seconds=8.0):
    """The body of a page, asked for until its status is 200."""
    deadline = time.monotonic() + seconds
    while True:
        status, body = get(url, seconds)
        if status == 200:
            return body
        assert time.monotonic() < deadline, f"{url} says {status} {body}"
        time.sleep(0.02)


__all__ = ["Launched", "free_port", "get", "page", "path_with_nats_server", "run_nats_server", "wait_for_file",
           "wait_for_port"]
