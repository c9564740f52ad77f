"""Runs the programs of build/clients and does to the server what they ask for."""
import concurrent.futures
import os
import signal
import subprocess
import threading
import time

from harness.server import TOP
from harness.wire_client import WireClient

BUILT = os.path.join(TOP, "build/clients")


def build_problem(language):
    """Why there is no program, None if there is one."""
    if os.path.exists(os.path.join(BUILT, language, "session")):
        return None
    try:
        with open(os.path.join(BUILT, language + ".log"), encoding="utf-8", errors="replace") as f:
            return f"the program does not build (tests/conformance/clients/build.sh {language}):\n" + f.read()[-3000:]
    except FileNotFoundError:
        return f"not built: tests/conformance/clients/build.sh {language}"


class Driver:
    """Runs one program against one server and does what it asks for."""

    def __init__(self, server, language, program, *arguments):
        self.server = server
        self.program = subprocess.Popen([os.path.join(BUILT, language, program), *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.limit = threading.Timer(90, self.program.kill)

    def restart(self):
        self.server.stop()
        self.server.start()

    def kill(self):
        self.server.kill()
        self.server.start()

    def lame_duck(self):
        self.server.process.send_signal(signal.SIGUSR2)
        assert self.server.process.wait(20) == 0
        self.server.start()

    def stall(self, subject):
        """The program stops reading while messages for it pile up, until the server cuts it."""
        self.program.send_signal(signal.SIGSTOP)
        try:
            with WireClient(self.server.port, user="app", **{"pass": "secret"}, seconds=20) as flood:
                message = f"PUB {subject} 65536\r\n".encode() + bytes(65536) + b"\r\n"
                deadline = time.monotonic() + 30
                while "Slow Consumer" not in self.server.log():
                    assert time.monotonic() < deadline, "no slow consumer:\n" + self.server.log()[-2000:]
                    flood.send(message * 10)
                    flood.ping()
        finally:
            self.program.send_signal(signal.SIGCONT)

    def run(self):
        """Everything the program printed, without its commands."""
        lines = []
        self.limit.start()
        try:
            for line in self.program.stdout:
                if line.startswith("!"):
                    name, *arguments = line[1:].split()
                    getattr(self, name.replace("-", "_"))(*arguments)
                else:
                    lines.append(line.rstrip("\n"))
            status = self.program.wait()
        finally:
            self.limit.cancel()
            self.program.kill()
            self.program.wait()
        assert status == 0, f"ended with {status}:\n" + "\n".join(lines[-30:])
        assert self.server.running(), self.server.log()
        return lines


def run_chosen(request, tmp_path_factory, run, workers=4):
    """For a fixture of the module: run(language, server, directory) for each of the chosen tests, some at a time, since
    most of it is waiting; futures by (language, server)."""
    chosen = [item.callspec.params for item in request.session.items if item.module is request.module]
    with concurrent.futures.ThreadPoolExecutor(max_workers=workers) as pool:
        yield {(c["language"], c["server"]):
               pool.submit(run, c["language"], c["server"], tmp_path_factory.mktemp(c["language"]))
               for c in chosen}
