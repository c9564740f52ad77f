"""Transcripts of the JetStream API: requests, and what a real server answered.

A file `*.api` is one server's life. Lines:

    % TEXT                       configuration of the server; `% jetstream: TEXT` inside that block
    === NAME                     a section: one test
    as USER:PASSWORD             what follows is said by this user
    sub PATTERN                  subscribes
    > SUBJECT [HEADERS] PAYLOAD  a request with one answer, or none
    >> SUBJECT ...               a request with several answers
    >- SUBJECT ...               a publish that wants no answer
    >@ REPLY SUBJECT ...         a publish with this reply; the answers come to the subscriptions
    >. ID FLOW GAP SEQ OP SUBJECT ...  a publish of a fast batch, with some answers or none
    take                         what the subscriptions have received meanwhile: `PATTERN: ` where the subject says no
                                 more which, `-> REPLY` behind what is to be acknowledged
    wait SECONDS [SECONDS]       while recording, and while replaying when that is less
    < ...                        an answer, as recorded

HEADERS stand in brackets, separated by ` | `; a status comes first. `{{70000}}` stands for so many letters x. Times,
ids, versions are masked.
"""
import base64
import os
import re
import tempfile

from harness.server import Server
from harness.wire_client import WireClient

HERE = os.path.dirname(os.path.abspath(__file__))
QUIET = 1.0  # so long nothing comes any more; for recording
PATIENCE = 5.0

def decoded(match):
    text = base64.b64decode(match[1]).decode(errors="replace")
    return '"hdrs":"' + text.replace("\r\n", " | ").replace('"', "'") + '"'


def in_order(match):
    """Sources are shown in no order."""
    sources = sorted(re.split(r',(?=\{"name":"[^"]*","lag")', match[2]))
    return match[1] + ",".join(sources) + match[3]


MASKS = [
    (r'("sources":\[)(\{"name":"[^"]*","lag".*)(\],"ts")', in_order),
    (r'"hdrs":"([A-Za-z0-9+/]+=*)"', decoded),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", lambda m: m[0] if m[0].startswith("0001") else "TIME"),
    (r"\b2\.15\.\d+\b", "2.15.x"),
    (r"\b[NUA][A-Z2-7]{55}\b", "KEY"),
    (r"(Nats-Stream-Identity|identity does not match): [A-Za-z0-9]{8}\b", r"\1: IDENT"),
    (r"\bm-[A-Za-z0-9]{8}\b", "m-ID"),
    (r"\bJS_(MIRROR|SRC)_[A-Za-z0-9]{8}\b", r"JS_\1_ID"),
    (r"(Nats-Stream-Source: \S+?):(C=)?[A-Za-z0-9]{8} ", r"\1:\2IDENT "),
    (r"(Nats-Stream-Source: [^|]*) [A-Za-z0-9]{8} \|", r"\1 IDENT |"),
    (r"_INBOX\.[A-Za-z0-9.]+", "INBOX"),
    # Not names of Go's types.
    (r"\b(?!(?:JS)?(?:[A-Z][a-z]+)+\b)[A-Za-z0-9]{22}\b", "ID"),
    (r'"(active|pause_remaining|rtt|ack_time)":-?\d+', r'"\1":N'),
    (r'"client":\{.*?\}(?=,|\})', '"client":{}'),
    (r'"start":"TIME","stop":"TIME"', '"start":"TIME"'),
]


def mask(text):
    for pattern, replacement in MASKS:
        text = re.sub(pattern, replacement, text)
    return re.sub(r"x{200,}", lambda m: "{{%d}}" % len(m[0]), text)


def files():
    return sorted(os.path.join(HERE, name) for name in os.listdir(HERE) if name.endswith(".api"))


class Step:
    def __init__(self, line, section):
        self.line = line
        self.section = section
        self.answers = []


class Transcript:
    """A file: `lines` are steps and everything else in order."""

    def __init__(self, path):
        self.path = path
        self.config, self.jetstream = [], []
        self.lines = []
        section = ""
        with open(path, encoding="utf-8") as f:
            for line in f.read().splitlines():
                if line.startswith("% jetstream: "):
                    self.jetstream.append(line[13:])
                    self.lines.append(line)
                elif line.startswith("% "):
                    self.config.append(line[2:])
                    self.lines.append(line)
                elif line.startswith("=== "):
                    section = line[4:]
                    self.lines.append(line)
                elif line.startswith("<"):
                    self.steps()[-1].answers.append(line)
                elif re.match(r">|as |sub |take$|wait ", line):
                    self.lines.append(Step(line, section))
                else:
                    self.lines.append(line)

    def steps(self):
        return [line for line in self.lines if isinstance(line, Step)]

    def write(self):
        with open(self.path, "w", encoding="utf-8") as f:
            for line in self.lines:
                if isinstance(line, Step):
                    f.write("\n".join([line.line, *line.answers]) + "\n")
                else:
                    f.write(line + "\n")


def split_message(text):
    """SUBJECT [HEADERS] PAYLOAD → three strings, headers as a block."""
    subject, _, rest = re.sub(r"\{\{(\d+)\}\}", lambda m: "x" * int(m[1]), text).partition(" ")
    headers = ""
    if re.match(r"\[(\d{3}|[A-Za-z-]+:)", rest):
        inside, _, rest = rest[1:].partition("]")
        status, _, behind = inside.partition(" | ")
        if re.match(r"\d{3}", status):
            return subject, f"NATS/1.0 {status}\r\n" + "".join(line + "\r\n" for line in behind.split(" | ")) + "\r\n", rest[1:]
        headers = "NATS/1.0\r\n" + "".join(line + "\r\n" for line in inside.split(" | ")) + "\r\n"
        rest = rest[1:]
    return subject, headers, rest


def shown(message, pattern=None):
    """A message from the server as a line; with its subject if a pattern is given."""
    words = ["<"]
    if pattern is not None:
        words += [] if "*" in pattern or ">" in pattern or message[1] == pattern else [pattern + ":"]
        words.append(mask(message[1]))
    if message[0] == "HMSG":
        lines = message[4].decode(errors="replace").split("\r\n")
        lines = [lines[0].removeprefix("NATS/1.0").strip(), *lines[1:]]
        words.append("[" + mask(" | ".join(line for line in lines if line)) + "]")
    payload = message[-1].decode(errors="replace").replace("\r", "\\r").replace("\n", "\\n")
    if payload:
        words.append(mask(payload))
    if message[3] and message[3].startswith(("$JS.ACK.", "$JS.FC.")):
        words += ["->", re.sub(r"\.\d{19}\b", ".NS", re.sub(r"(\$JS\.FC\..*\.)\w{4}$", r"\1ID", message[3]))]
    return " ".join(words)


class Player:
    """Says the steps of one transcript to a server and notes the answers."""

    def __init__(self, port):
        self.port = port
        self.clients = {}
        self.user = ""
        self.serial = 0
        self.patterns = {}

    def client(self):
        if self.user not in self.clients:
            name, _, password = self.user.partition(":")
            options = {"user": name, "pass": password} if name else {}
            self.clients[self.user] = WireClient(self.port, **options)
            self.clients[self.user].ping()
        return self.clients[self.user]

    def kept(self):
        """What this client has received for a later step."""
        return self.client().__dict__.setdefault("kept", [])

    def play(self, line, recorded=None):
        """The answers. `recorded` are those of a real server: whoever has as many waits no longer."""
        verb, _, rest = line.partition(" ")
        if verb == "as":
            self.user = rest
        elif verb == "sub":
            self.serial += 1
            self.patterns[f"take{self.serial}"] = rest
            self.client().send(f"SUB {rest} take{self.serial}\r\n")
            self.kept().extend(m for m in self.client().ping() if isinstance(m, tuple))
        elif verb == "wait":
            waits = [float(word) for word in rest.split()]
            seconds = waits[0] if recorded is None else waits[-1]
            return self.collect("none", seconds, seconds)
        elif verb == "take":
            first = QUIET / 2 if recorded == [] else QUIET * 2
            got = self.received("take", first, QUIET, len(recorded) if recorded else None)
            return [shown(m, self.patterns[m[2]]) for m in got]
        else:
            return self.request(verb, rest, recorded)
        return []

    def request(self, verb, rest, recorded):
        client = self.client()
        self.serial += 1
        inbox = f"_INBOX.api.{self.serial}"
        client.send(f"SUB {inbox} answer{self.serial}\r\n")
        if verb == ">.":
            *control, rest = rest.split(" ", 5)
            client.send(f"SUB {inbox}.> answer{self.serial}batch\r\n")
            reply = ".".join([inbox, *control, "$FI"])
        elif verb == ">@":
            reply, _, rest = rest.partition(" ")
        else:
            reply = "" if verb == ">-" else inbox
        subject, headers, payload = split_message(rest)
        data = payload.encode()
        if headers:
            head = headers.encode()
            client.send(f"HPUB {subject} {reply} {len(head)} {len(head) + len(data)}\r\n".encode() + head + data + b"\r\n")
        else:
            client.send(f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n")
        if verb in (">-", ">@"):
            self.kept().extend(m for m in client.ping() if isinstance(m, tuple))
            return []
        wanted = f"answer{self.serial}"
        silence = recorded == ["< (nothing)"] or (recorded is None and verb == ">.")
        only = 1 if verb == ">" else recorded and len(recorded)
        got = self.received(wanted, QUIET if silence else PATIENCE, QUIET, only)
        return [shown(message) for message in got] or ["< (nothing)"]

    def collect(self, *arguments):
        self.received(*arguments)
        return []

    def received(self, prefix, first, quiet, only=None):
        """Messages of the subscriptions called `prefix`…; those of others are kept for later."""
        client, kept = self.client(), self.kept()
        got = [m for m in kept if m[2].startswith(prefix)]
        kept[:] = [m for m in kept if not m[2].startswith(prefix)]
        while only is None or len(got) < only:
            try:
                message = client.next(quiet if got else first)
            except AssertionError:
                break
            if isinstance(message, tuple):
                (got if message[2].startswith(prefix) else kept).append(message)
        return got


def play(binary, transcript, recorded=True):
    """[[answers of a step]] of a fresh server."""
    with tempfile.TemporaryDirectory(prefix="api") as directory:
        server = Server(directory, binary, config="\n".join(transcript.config), jetstream=", ".join(transcript.jetstream))
        with server:
            player = Player(server.port)
            return [player.play(step.line, step.answers if recorded else None) for step in transcript.steps()]
