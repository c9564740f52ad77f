#!/usr/bin/env python3
"""run_wire.py [options] [TRANSCRIPT...] - replays scripted sessions of the wire protocol.

  --server BINARY      start this server for every transcript (default: $WEIR_BIN, else build/release/weir)
  --against HOST:PORT  use a server that runs already; transcripts with @args, @config or signal are skipped
  --record             rewrite expectations that the server does not meet with what it really sends
  --config LINE        add this line to the configuration of every server started
  -v                   one line for every transcript

Without names all *.transcript files beside this script are run. The last line says `N passed, N failed`.

A transcript is a text file, one step a line. `A` stands for the name of a connection, any word.

  # text                 a comment
  @args --max_payload 9  flags for the server; {dir} is a directory of this run
  @config max_subs: 5    a line of its configuration file
  @timeout 5             seconds to wait for an expectation (3)

  A+                     connects and reads INFO
  A+ raw                 connects; INFO is the first line to expect
  A-                     closes the connection
  A> PUB foo 2           sends the text and CRLF
  A>> PI                 sends the text alone
  wait 0.5               sleeps, for what is about time
  signal USR2            sends the server a signal

  A< +OK                 expects exactly this line
  A<~ MSG {*} 1 2        the same, {*} stands for anything
  A<? MSG \\w+ 1 2        a regular expression for the whole line
  A<* 3                  any three lines (no number: one)
  A<j INFO {"port":"*"}  verb and JSON object that has these fields; "*": any value, null: absent
  A<k INFO a b c         verb and JSON object that has exactly these keys, in this order
  A<| MSG a 1 1\\r\\nx      consecutive ones of a connection come in any order; CRLF between lines of one
  A,B< MSG a 1 1\\r\\nx     exactly one of the connections gets this
  A<. 0.3                nothing comes for so long (no number: 0.2)
  A<eof                  the server closes the connection, and nothing came before
  A<end                  the server closes the connection, whatever came before
  A<...                  not recorded yet: --record fills it in

Escapes in texts: \\r \\n \\t \\0 \\\\ \\xNN, and {4096*x} for 4096 times x. At the end every connection must
have been read to its last byte.
"""
import argparse
import glob
import itertools
import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, "../../.."))
# Keys that one server has and the other has not.
OWN_KEYS = {"weir", "git_commit"}
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
STEP = re.compile(r"^([A-Za-z]\w*(?:,[A-Za-z]\w*)*)(\+|-|>>|>|<eof|<end|<\.\.\.|<[~?*jk|.]?)(?: (.*))?$")


class Mismatch(Exception):
    pass


def unescape(text):
    """The bytes that a text of a transcript stands for (files are read as Latin-1: a byte is a character)."""
    def one(match):
        if match[1]:
            return match[2] * int(match[1])
        return chr(int(match[3][1:], 16)) if match[3][0] == "x" else ESCAPES[match[3]]

    return re.sub(r"\{(\d+)\*([^}]*)\}|\\(x[0-9a-fA-F]{2}|[rnt0\\])", one, text).encode("latin-1")


def escape(data):
    out = data.decode("latin-1").replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    out = re.sub(r"([^ -~])", lambda m: f"\\x{ord(m[1]):02x}", out)
    return re.sub(r"(.)\1{63,}", lambda m: f"{{{len(m[0])}*{m[1]}}}", out)


class Connection:
    def __init__(self, address, expects_pings):
        self.expects_pings = expects_pings
        self.socket = socket.create_connection(address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.ended = False

    def send(self, data):
        try:
            self.socket.settimeout(5)
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has closed: what it said before can still be read

    def fill(self, deadline):
        """Waits for more; False when the time is over or the server has closed."""
        left = deadline - time.monotonic()
        if self.ended or left <= 0:
            return False
        self.socket.settimeout(left)
        try:
            more = self.socket.recv(1 << 16)
        except TimeoutError:
            return False
        except ConnectionResetError:
            more = b""
        self.ended = not more
        self.data += more
        return bool(more)

    def drop_ping(self):
        """The server pings two seconds after CONNECT: nothing to look at unless the transcript is about it."""
        while not self.expects_pings and self.data.startswith(b"PING\r\n"):
            self.data = self.data[6:]

    def line(self, deadline):
        self.drop_ping()
        while b"\r\n" not in self.data:
            if not self.fill(deadline):
                raise Mismatch("the server closed" if self.ended else "nothing came", self.data)
            self.drop_ping()
        line, _, self.data = self.data.partition(b"\r\n")
        return line


def info_of(line):
    verb, _, rest = line.partition(b" ")
    try:
        return verb.decode(), json.loads(rest)
    except ValueError:
        raise Mismatch("not JSON", line) from None


def check_line(kind, text, line):
    """One received line against an expectation."""
    if kind == "<j":
        verb, _, wanted = text.partition(" ")
        got_verb, got = info_of(line)
        for key, value in json.loads(wanted).items():
            if verb != got_verb or (key in got if value is None else key not in got or value not in ("*", got[key])):
                raise Mismatch(f"expected {text}", line)
    elif kind == "<k":
        verb, *keys = text.split()
        got_verb, got = info_of(line)
        if verb != got_verb or keys != [k for k in got if k not in OWN_KEYS]:
            raise Mismatch(f"expected {text}", line)
    else:
        pattern = text if kind == "<?" else None
        if kind == "<~":
            pattern = ".*".join(re.escape(unescape(part).decode("latin-1")) for part in text.split("{*}"))
        same = re.fullmatch(pattern, line.decode("latin-1"), re.S) if pattern is not None else line == unescape(text)
        if not same:
            raise Mismatch(f"expected {text}", line)


class Step:
    def __init__(self, number, source, names, kind, text):
        self.number, self.source, self.names, self.kind, self.text = number, source, names, kind, text or ""

    @property
    def expects(self):
        return self.kind.startswith("<")


class Transcript:
    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.args, self.config, self.timeout, self.steps = [], [], 3.0, []
        with open(path, encoding="latin-1", newline="\n") as f:
            for number, line in enumerate(f, 1):
                self.read(number, line.rstrip("\n"))
        self.signals = any(step.kind == "signal" for step in self.steps)
        self.pings = any(step.kind == "<" and step.text == "PING" for step in self.steps)

    def read(self, number, line):
        step = STEP.match(line)
        word, _, rest = line.partition(" ")
        if not line or line.startswith("#"):
            self.steps.append(Step(number, line, [], "#", ""))
        elif word in ("@args", "@config", "@timeout"):
            self.steps.append(Step(number, line, [], "#", ""))
            if word == "@args":
                self.args += shlex.split(rest)
            elif word == "@config":
                self.config.append(rest)
            else:
                self.timeout = float(rest)
        elif word in ("wait", "signal"):
            self.steps.append(Step(number, line, [], word, rest))
        elif step:
            self.steps.append(Step(number, line, step[1].split(","), step[2], step[3]))
        else:
            raise SystemExit(f"{self.path}:{number}: not a step: {line}")


class Run:
    """One transcript against one server."""

    def __init__(self, transcript, address, process=None):
        self.transcript, self.address, self.process = transcript, address, process
        self.connections = {}
        self.at = None  # the step under way

    def deadline(self, seconds=None):
        return time.monotonic() + (self.transcript.timeout if seconds is None else seconds)

    def act(self, step):
        name = step.names[0] if step.names else None
        if step.kind == "wait":
            time.sleep(float(step.text))
        elif step.kind == "signal":
            self.process.send_signal(signal.Signals["SIG" + step.text])
        elif step.kind == "+":
            connection = self.connections[name] = Connection(self.address, self.transcript.pings)
            if step.text != "raw":
                connection.line(self.deadline())
        elif step.kind == "-":
            self.connections.pop(name).socket.close()
        elif step.kind in (">", ">>"):
            self.connections[name].send(unescape(step.text) + (b"\r\n" if step.kind == ">" else b""))

    def expect(self, step):
        connection = self.connections[step.names[0]]
        if len(step.names) > 1:
            self.expect_one_of(step)
        elif step.kind == "<end":
            while connection.fill(self.deadline()):
                connection.data = b""
            if not connection.ended:
                raise Mismatch("expected the end", b"nothing came")
        elif step.kind == "<eof":
            while connection.fill(self.deadline()):
                pass
            connection.drop_ping()
            if connection.data or not connection.ended:
                raise Mismatch("expected the end", connection.data if connection.ended else b"nothing came")
        elif step.kind == "<.":
            connection.fill(self.deadline(float(step.text or 0.2)))
            connection.drop_ping()
            if connection.data or connection.ended:
                raise Mismatch("expected nothing", connection.data)
        elif step.kind == "<*":
            for _ in range(int(step.text or 1)):
                connection.line(self.deadline())
        elif step.kind == "<...":
            raise Mismatch("not recorded", b"")
        else:
            check_line(step.kind, step.text, connection.line(self.deadline()))

    def expect_any_order(self, steps):
        connection = self.connections[steps[0].names[0]]
        left = [unescape(step.text) + b"\r\n" for step in steps]
        deadline = self.deadline()
        while left:
            connection.drop_ping()
            found = next((item for item in left if connection.data.startswith(item)), None)
            if found is not None:
                left.remove(found)
                connection.data = connection.data[len(found):]
            elif not connection.fill(deadline):
                raise Mismatch("expected in any order " + " | ".join(map(escape, left)), connection.data)

    def expect_one_of(self, step):
        wanted = unescape(step.text) + b"\r\n"
        connections = [self.connections[name] for name in step.names]
        deadline = self.deadline()
        while time.monotonic() < deadline:
            for connection in connections:
                connection.drop_ping()
            holders = [c for c in connections if c.data.startswith(wanted)]
            if holders:
                holders[0].data = holders[0].data[len(wanted):]
                return
            for connection in connections:
                connection.fill(time.monotonic() + 0.01)
        raise Mismatch("expected at one of them", b" | ".join(c.data for c in connections))

    def expect_all(self, steps):
        """Expectations one after the other; those in any order together."""
        at = 0
        while at < len(steps):
            self.at = steps[at]
            run = at + 1
            if self.at.kind == "<|" and len(self.at.names) == 1:
                while run < len(steps) and steps[run].kind == "<|" and steps[run].names == self.at.names:
                    run += 1
                self.expect_any_order(steps[at:run])
            else:
                self.expect(self.at)
            at = run

    def replay(self):
        try:
            for expects, steps in itertools.groupby(self.transcript.steps, lambda step: step.expects):
                if expects:
                    self.expect_all(list(steps))
                    continue
                for self.at in steps:
                    self.act(self.at)
            self.at = None
            for name, connection in self.connections.items():
                connection.fill(time.monotonic() + 0.02)
                connection.drop_ping()
                if connection.data:
                    raise Mismatch(f"left unread at {name}", connection.data)
        except (Mismatch, OSError, KeyError) as error:
            where = f"{self.transcript.path}:{self.at.number}: {self.at.source}" if self.at else self.transcript.path
            text = f"{error.args[0]}, got: {escape(error.args[1])}" if isinstance(error, Mismatch) else repr(error)
            return f"{where}\n    {text}"
        finally:
            self.close()
        return None

    def close(self):
        for connection in self.connections.values():
            connection.socket.close()

    def record(self):
        """The text of the transcript with expectations that this server meets."""
        steps, out, at = self.transcript.steps, [], 0
        while at < len(steps):
            if not steps[at].expects:
                self.act(steps[at])
                out.append(steps[at].source)
                at += 1
                continue
            end = at
            while end < len(steps) and steps[end].expects:
                end += 1
            out += self.record_block(steps[at:end])
            at = end
        self.close()
        return "\n".join(out) + "\n"

    def record_block(self, block):
        quiet = max([0.3] + [float(s.text or 0.2) for s in block if s.kind == "<."])
        for connection in self.connections.values():
            while connection.fill(time.monotonic() + quiet):
                pass
        out, done = [], set()
        for name in dict.fromkeys(n for s in block for n in s.names):
            if name in done:
                continue
            steps = [s for s in block if name in s.names]
            names = sorted({n for s in steps for n in s.names})
            steps = [s for s in block if set(s.names) & set(names)]
            done |= set(names)
            before = {n: self.connections[n].data for n in names}
            if self.holds(steps) and not any(self.connections[n].data for n in names):
                out += [s.source for s in steps]
                continue
            for n in names:
                self.connections[n].data = before[n]
                out += self.literal(n)
        return out

    def holds(self, steps):
        saved, self.transcript.timeout = self.transcript.timeout, 0.05
        try:
            self.expect_all([step for step in steps if step.kind != "<."])
            return not any(s.kind == "<." and self.connections[s.names[0]].data for s in steps)
        except Mismatch:
            return False
        finally:
            self.transcript.timeout = saved

    def literal(self, name):
        connection = self.connections[name]
        connection.drop_ping()
        *lines, rest = connection.data.split(b"\r\n")
        out = [f"{name}<~ INFO {{*}}" if line.startswith(b"INFO ") else f"{name}< {escape(line)}".rstrip()
               for line in lines]
        if rest:
            out.append(f"# left without a line end: {escape(rest)}")
        connection.data = b""
        return out + ([f"{name}<eof"] if connection.ended else []) or [f"{name}<."]


class Server:
    """A server process for one transcript."""

    def __init__(self, binary, transcript, extra):
        self.directory = tempfile.TemporaryDirectory(prefix="wire-")
        where = self.directory.name
        self.port = free_port()
        config = transcript.config + extra
        arguments = [a.replace("{dir}", where) for a in transcript.args]
        if config:
            path = os.path.join(where, "server.conf")
            with open(path, "w", encoding="latin-1") as f:
                f.write("\n".join(config).replace("{dir}", where) + "\n")
            arguments += ["-c", path]
        self.log = os.path.join(where, "server.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([binary, "-a", "127.0.0.1", "-p", str(self.port), *arguments],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=where)
        deadline = time.monotonic() + 10
        while True:
            with open(self.log, "rb") as log:
                text = log.read()
            if b"Server is ready" in text:
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SystemExit(f"{transcript.path}: the server does not start:\n{text.decode(errors='replace')}")
            time.sleep(0.005)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()


def free_port():
    for _ in range(200):
        port = random.randint(20000, 31999)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SystemExit("no free port on loopback")


def default_binary():
    return os.environ.get("WEIR_BIN") or os.path.join(TOP, "build/release/weir")


def transcripts():
    return sorted(glob.glob(os.path.join(HERE, "*.transcript")))


def replay(path, binary=None, extra=()):
    """None, or what differs. Starts a server for it."""
    transcript = Transcript(path)
    server = Server(binary or default_binary(), transcript, list(extra))
    try:
        return Run(transcript, ("127.0.0.1", server.port), server.process).replay()
    finally:
        server.stop()


def record(path, binary, extra=()):
    transcript = Transcript(path)
    server = Server(binary, transcript, list(extra))
    try:
        text = Run(transcript, ("127.0.0.1", server.port), server.process).record()
    finally:
        server.stop()
    with open(path, "w", encoding="latin-1", newline="\n") as f:
        f.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=default_binary(), type=lambda p: os.path.abspath(p) if os.sep in p else p)
    parser.add_argument("--against")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--config", action="append", default=[])
    parser.add_argument("-v", action="store_true", dest="verbose")
    parser.add_argument("transcripts", nargs="*")
    options = parser.parse_args()
    passed = failed = skipped = 0
    for path in options.transcripts or transcripts():
        if options.against:
            transcript = Transcript(path)
            if transcript.args or transcript.config or transcript.signals:
                skipped += 1
                continue
            host, _, port = options.against.rpartition(":")
            problem = Run(transcript, (host, int(port))).replay()
        else:
            if options.record:
                record(path, options.server, options.config)
            problem = replay(path, options.server, options.config)
        passed, failed = (passed, failed + 1) if problem else (passed + 1, failed)
        if problem or options.verbose:
            print(f"FAILED {problem}" if problem else f"ok     {os.path.basename(path)}", flush=True)
    if skipped:
        print(f"{skipped} skipped: they need a server with other settings")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
