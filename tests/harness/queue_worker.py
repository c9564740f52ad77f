"""queue_worker.py PORT LEDGER - one of several clients of the consumer C of the stream WORK, until it is killed.

Acknowledges each message and waits for the answer. Appends "try SEQUENCE" before the acknowledgement is sent and
"done SEQUENCE" when it is confirmed; a line is one write, so that several can share the file.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from harness.wire_client import WireClient  # noqa: E402

BATCH = 10
INBOX = f"_INBOX.{os.getpid()}"
PULL = '{"batch":%d,"expires":1000000000}' % BATCH


def work(client, ledger):
    client.send(f"PUB $JS.API.CONSUMER.MSG.NEXT.WORK.C {INBOX}.pull {len(PULL)}\r\n{PULL}\r\n")
    got, waiting, over = 0, 0, False
    while waiting or not over:
        item = client.next()
        if item[1].startswith(f"{INBOX}.done."):
            os.write(ledger, b"done %s\n" % item[1].rsplit(".", 1)[1].encode())
            waiting -= 1
        elif item[3] is None:
            over = True  # a status
        else:
            seq = item[3].split(".")[5]
            os.write(ledger, b"try %s\n" % seq.encode())
            client.send(f"PUB {item[3]} {INBOX}.done.{seq} 4\r\n+ACK\r\n")
            got, waiting = got + 1, waiting + 1
            over = over or got == BATCH


def main():
    port, path = int(sys.argv[1]), sys.argv[2]
    ledger = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        try:
            with WireClient(port, seconds=10.0) as client:
                client.send(f"SUB {INBOX}.> 1\r\n")
                while True:
                    work(client, ledger)
        except OSError:
            time.sleep(0.05)  # the server is away


main()
