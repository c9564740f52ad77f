"""A client that speaks raw bytes, for tests of the wire protocol itself."""
import json
import socket
import time


class WireClient:
    """A blocking connection. Every wait has a limit and fails with what had come so far."""

    def __init__(self, port, connect=True, host="127.0.0.1", seconds=5.0, tls=None, tls_first=None, **options):
        """`tls`: an ssl.SSLContext, used behind INFO; `tls_first`: one used before it."""
        self.seconds = seconds
        self.socket = socket.create_connection((host, port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if tls_first:
            self.start_tls(tls_first)
        line = self.read_line()
        assert line.startswith("INFO "), line
        self.info = json.loads(line[5:])
        if tls:
            self.start_tls(tls)
        if connect:
            self.connect(**options)

    def connect(self, **options):
        settings = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "protocol": 1}
        self.send(f"CONNECT {json.dumps(settings | options)}\r\n")

    def start_tls(self, context):
        self.socket.settimeout(self.seconds)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    @property
    def name(self):
        """This connection as the server's log calls it."""
        return "%s:%d" % self.socket.getsockname()[:2]

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def _fill(self, deadline):
        self.socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise AssertionError(f"nothing more came; left unread: {self.buffer[:300]!r}") from None
        if not data:
            raise ConnectionError(f"closed by the server; left unread: {self.buffer[:300]!r}")
        self.buffer += data

    def read_line(self, seconds=None):
        deadline = time.monotonic() + (seconds or self.seconds)
        while b"\r\n" not in self.buffer:
            self._fill(deadline)
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode(errors="replace")

    def read_bytes(self, count, seconds=None):
        deadline = time.monotonic() + (seconds or self.seconds)
        while len(self.buffer) < count:
            self._fill(deadline)
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def next(self, seconds=None):
        """The next thing from the server: a line, or a tuple of a message.

        MSG: ("MSG", subject, sid, reply or None, payload); HMSG has the header block before the
        payload. INFO updates are taken in and skipped, the server's own PING is answered.
        """
        while True:
            line = self.read_line(seconds)
            verb = line.split(" ", 1)[0]
            if verb == "INFO":
                self.info = json.loads(line[5:])
                continue
            if line == "PING":
                self.send("PONG\r\n")
                continue
            if verb not in ("MSG", "HMSG"):
                return line
            words = line.split()
            sizes = 1 if verb == "MSG" else 2
            subject, sid, *reply = words[1:-sizes]
            total = int(words[-1])
            data = self.read_bytes(total + 2, seconds)
            assert data.endswith(b"\r\n"), data
            data = data[:-2]
            head = (verb, subject, sid, reply[0] if reply else None)
            if verb == "MSG":
                return *head, data
            size = int(words[-2])
            return *head, data[:size], data[size:]

    def expect(self, wanted, seconds=None):
        got = self.next(seconds)
        assert got == wanted, f"expected {wanted!r}, got {got!r}"

    def ping(self, seconds=None):
        """The barrier: whatever came before the PONG, as a list."""
        self.send("PING\r\n")
        got = []
        while (item := self.next(seconds)) != "PONG":
            got.append(item)
        return got

    def expect_closed(self, seconds=None):
        """Reads until the server closes the connection; what it still said, as a list."""
        got = []
        try:
            while True:
                got.append(self.next(seconds))
        except (ConnectionError, BrokenPipeError):
            return got

    def request(self, subject, payload="", seconds=None):
        """A JetStream API call: the decoded answer. Only for connections with nothing else to read."""
        inbox = f"_INBOX.wire.{id(self)}.{time.monotonic_ns()}"
        data = payload if isinstance(payload, (str, bytes)) else json.dumps(payload)
        data = data.encode() if isinstance(data, str) else data
        self.send(f"SUB {inbox} 90\r\nUNSUB 90 1\r\nPUB {subject} {inbox} {len(data)}\r\n".encode() + data + b"\r\n")
        got = self.next(seconds)
        assert got[0] == "MSG" and got[1] == inbox, got
        return json.loads(got[-1])

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
