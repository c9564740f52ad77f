"""Reads a whole stream back, fast enough for tests that do it often."""
import json


def read_stream(client, stream, start=1):
    """What is in the stream from sequence `start` on: sequence -> payload. Through a pull consumer that lives for this;
    not for work queues."""
    name = f"reader{start}"
    subject = f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{name}"
    made = client.request(subject, {"stream_name": stream, "config": {
        "durable_name": name, "ack_policy": "none", "deliver_policy": "by_start_sequence", "opt_start_seq": start}})
    assert "error" not in made, made
    client.send("SUB _INBOX.reader 77\r\n")
    found, left = {}, made["num_pending"]
    while left > 0:
        body = json.dumps({"batch": min(left, 500), "no_wait": True})
        client.send(f"PUB $JS.API.CONSUMER.MSG.NEXT.{stream}.{name} _INBOX.reader {len(body)}\r\n{body}\r\n")
        for _ in range(min(left, 500)):
            item = client.next()
            assert not (item[0] == "HMSG" and item[4].startswith(b"NATS/1.0 4")), item
            found[int(item[3].split(".")[5])] = item[-1].decode()
        left = made["num_pending"] - len(found)
    client.send("UNSUB 77\r\n")
    assert client.request(f"$JS.API.CONSUMER.DELETE.{stream}.{name}")["success"]
    return found
