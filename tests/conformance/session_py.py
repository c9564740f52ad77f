#!/usr/bin/env python3
"""session_py.py URL - one short session with the official Python client; prints what it saw."""
import asyncio
import json
import sys

import nats
from nats.errors import NoRespondersError, TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
from nats.js.errors import APIError, NotFoundError


def show(what, value):
    print(f"{what}: {value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)}")


async def raw(nc, subject, body=None):
    """An API call whose whole answer is shown."""
    answer = await nc.request(subject, json.dumps(body).encode() if body is not None else b"", timeout=5)
    show(subject, json.loads(answer.data))


async def settle(*connections):
    """Until what was sent is through, and what came back is with its callbacks."""
    for connection in connections:
        await connection.flush()
    await asyncio.sleep(0.1)
    for connection in connections:
        await connection.flush()


async def publish_and_subscribe(nc):
    got = []

    async def on_message(msg):
        got.append([msg.subject, msg.data.decode(), msg.headers])

    for pattern in ("greet.joe", "greet.*", "greet.>"):
        await nc.subscribe(pattern, cb=on_message)
    await nc.publish("greet.joe", b"hello")
    await nc.publish("greet.sue.all", b"deep")
    await nc.publish("greet.pam", b"with headers", headers={"Key": "Value", "Other": "a b"})
    await settle(nc)
    show("subscriptions", sorted(got, key=json.dumps))


async def queue_group(nc, other):
    counts = [0, 0]

    def member(number):
        async def on_message(_msg):
            counts[number] += 1
        return on_message

    await nc.subscribe("jobs", "workers", cb=member(0))
    await other.subscribe("jobs", "workers", cb=member(1))
    await settle(nc, other)
    for _ in range(100):
        await nc.publish("jobs", b"")
    await settle(nc, other)
    show("queue group", {"delivered": sum(counts), "both worked": min(counts) > 0})


async def request_and_reply(nc, other):
    async def on_request(msg):
        await msg.respond(b"re: " + msg.data)

    await other.subscribe("help", cb=on_request)
    await settle(other)
    show("request", (await nc.request("help", b"please", timeout=2)).data.decode())
    try:
        await nc.request("nobody", b"", timeout=2)
    except NoRespondersError as e:
        show("nobody", repr(e))
    limited = await nc.subscribe("limited")
    await limited.unsubscribe(limit=2)
    for n in range(4):
        await nc.publish("limited", b"%d" % n)
    await settle(nc)
    show("auto-unsubscribe", [(await limited.next_msg(timeout=1)).data.decode() for _ in range(limited.pending_msgs)])


async def streams(nc, js):
    info = await js.add_stream(StreamConfig(name="ORDERS", subjects=["orders.>"], max_msgs=1000))
    show("add_stream", info.as_dict() if hasattr(info, "as_dict") else info.config.as_dict())
    await js.add_stream(StreamConfig(name="OTHER", subjects=["other"], storage="memory"))
    for config in ({"name": "ORDERS", "subjects": ["different"]}, {"name": "NEW", "subjects": ["orders.x"]},
                   {"name": "bad.name"}):
        try:
            await js.add_stream(StreamConfig(**config))
        except (APIError, ValueError) as e:
            show("add_stream fails", str(e))
    for n in range(10):
        ack = await js.publish(f"orders.{n % 2}", b"order %d" % n)
        show("publish", [ack.stream, ack.seq, ack.duplicate])
    for _ in range(2):
        ack = await js.publish("orders.once", b"once", headers={"Nats-Msg-Id": "id-1"})
        show("publish with id", [ack.stream, ack.seq, ack.duplicate])
    try:
        await js.publish("orders.x", b"", headers={"Nats-Expected-Last-Sequence": "3"})
    except APIError as e:
        show("wrong last sequence", str(e))
    await raw(nc, "$JS.API.STREAM.INFO.ORDERS")
    await raw(nc, "$JS.API.STREAM.INFO.ORDERS", {"subjects_filter": ">"})
    await raw(nc, "$JS.API.STREAM.INFO.NONE")
    await raw(nc, "$JS.API.STREAM.NAMES")
    await raw(nc, "$JS.API.STREAM.LIST")
    await raw(nc, "$JS.API.STREAM.MSG.GET.ORDERS", {"seq": 3})
    await raw(nc, "$JS.API.STREAM.MSG.GET.ORDERS", {"last_by_subj": "orders.1"})
    await raw(nc, "$JS.API.STREAM.MSG.GET.ORDERS", {"seq": 99})
    await raw(nc, "$JS.API.STREAM.MSG.DELETE.ORDERS", {"seq": 3})
    await raw(nc, "$JS.API.STREAM.MSG.GET.ORDERS", {"seq": 3})
    await raw(nc, "$JS.API.STREAM.UPDATE.OTHER", {"name": "OTHER", "subjects": ["other", "another"], "storage": "memory"})


async def consumers(nc, js):
    await js.add_consumer("ORDERS", ConsumerConfig(durable_name="C", ack_policy=AckPolicy.EXPLICIT, ack_wait=2,
                                                   max_ack_pending=4, filter_subject="orders.*"))
    await raw(nc, "$JS.API.CONSUMER.INFO.ORDERS.C")
    await raw(nc, "$JS.API.CONSUMER.INFO.ORDERS.NONE")
    await raw(nc, "$JS.API.CONSUMER.NAMES.ORDERS")
    reader = await js.pull_subscribe_bind("C", "ORDERS")
    first = await reader.fetch(4, timeout=2)
    show("max_ack_pending lets through", [m.data.decode() for m in first])
    # Exactly as many as there may be: no request of ours is open when messages become free.
    await raw(nc, "$JS.API.CONSUMER.INFO.ORDERS.C")
    show("metadata", [[m.metadata.sequence.stream, m.metadata.sequence.consumer, m.metadata.num_delivered,
                       m.metadata.num_pending] for m in first])
    await first[0].ack_sync()
    await first[1].nak()
    await first[2].in_progress()
    await first[3].term()
    await settle(nc)
    try:
        while True:  # all but the one in progress
            messages = await reader.fetch(3, timeout=0.3)
            show("after ack, nak, term", [[m.data.decode(), m.metadata.num_delivered] for m in messages])
            for m in messages:
                await m.ack_sync()
    except NatsTimeout:
        pass
    late = await reader.fetch(1, timeout=4)
    show("after the ack wait", [[m.data.decode(), m.metadata.num_delivered] for m in late])
    await late[0].ack_sync()
    await raw(nc, "$JS.API.CONSUMER.INFO.ORDERS.C")
    await raw(nc, "$JS.API.CONSUMER.LIST.ORDERS")
    await raw(nc, "$JS.API.CONSUMER.DELETE.ORDERS.C")


async def cleaning_up(nc, js):
    await raw(nc, "$JS.API.STREAM.PURGE.ORDERS", {"filter": "orders.1"})
    await raw(nc, "$JS.API.STREAM.PURGE.ORDERS", {"keep": 2})
    await raw(nc, "$JS.API.STREAM.PURGE.ORDERS")
    show("publish after purge", (await js.publish("orders.new", b"")).seq)
    await raw(nc, "$JS.API.STREAM.DELETE.ORDERS")
    await js.delete_stream("OTHER")
    try:
        await js.stream_info("ORDERS")
    except NotFoundError as e:
        show("deleted", str(e))
    try:
        await js.publish("orders.gone", b"", timeout=2)
    except Exception as e:  # what the client makes of it is what is compared
        show("publish without a stream", repr(e))
    await raw(nc, "$JS.API.INFO")


async def main(url):
    nc, other = await nats.connect(url), await nats.connect(url)
    show("connected", [nc.connected_url.hostname, nc.max_payload])
    await publish_and_subscribe(nc)
    await queue_group(nc, other)
    await request_and_reply(nc, other)
    js = nc.jetstream()
    await streams(nc, js)
    await consumers(nc, js)
    await cleaning_up(nc, js)
    drained = []

    async def on_message(msg):
        await asyncio.sleep(0.005)
        drained.append(int(msg.data))

    leaving = await nats.connect(url)
    slow = await leaving.subscribe("drained", cb=on_message)
    await settle(leaving)
    for n in range(20):
        await other.publish("drained", b"%d" % n)
    await settle(other, leaving)
    await slow.drain()
    show("drained", drained)
    await leaving.drain()
    await other.close()
    await nc.close()
    show("closed", [leaving.is_closed, nc.is_closed, other.is_closed])


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))
