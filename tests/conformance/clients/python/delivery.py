"""delivery.py URL - the ways in which nats-py consumes a stream, all at once, while the server restarts and is killed;
what each of them got. Lines that start with '!' ask the test to do something to the server."""
import asyncio
import sys

import nats
from nats.js.api import AckPolicy, ConsumerConfig

TOTAL = 300


class Tally:
    """What one way of consuming got."""

    def __init__(self):
        self.seen, self.last, self.in_order, self.done = set(), 0, True, asyncio.Event()

    def note(self, data):
        number = int(data)
        self.in_order = self.in_order and number == self.last + 1
        self.last = number
        self.seen.add(number)
        if len(self.seen) == TOTAL:
            self.done.set()


async def fetch(sub, tally):
    while True:
        try:
            for m in await sub.fetch(20, timeout=1):
                tally.note(m.data)
                await m.ack()
        except (nats.errors.Error, asyncio.TimeoutError):
            await asyncio.sleep(0.05)


async def next_messages(sub, tally):
    while True:
        try:
            m = await sub.next_msg(timeout=1)
            tally.note(m.data)
            await m.ack()
        except (nats.errors.Error, asyncio.TimeoutError):
            await asyncio.sleep(0.05)


async def publish(js):
    for number in range(1, TOTAL + 1):
        while True:
            try:
                await js.publish("r.x", str(number).encode(), timeout=1, headers={"Nats-Msg-Id": str(number)})
                break
            except (nats.errors.Error, asyncio.TimeoutError):
                await asyncio.sleep(0.05)
        if number == TOTAL // 3:
            print("!restart", flush=True)
        elif number == 2 * TOTAL // 3:
            print("!kill", flush=True)
        await asyncio.sleep(0.003)


async def main(url):
    async def ignore(_error):
        pass

    nc = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=ignore)
    js = nc.jetstream()
    await js.add_stream(name="R", subjects=["r.>"])
    tallies = {name: Tally() for name in ("fetch", "push", "next", "ordered push")}

    def config():  # subscribing changes it
        return ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=2)

    async def acking(m):
        tallies["push"].note(m.data)
        await m.ack()

    async def ordered(m):
        tallies["ordered push"].note(m.data)

    tasks = [asyncio.create_task(fetch(await js.pull_subscribe("r.>", "fetch", config=config()), tallies["fetch"]))]
    nexts = await js.subscribe("r.>", durable="next", manual_ack=True, config=config())
    tasks.append(asyncio.create_task(next_messages(nexts, tallies["next"])))
    await js.subscribe("r.>", durable="push", cb=acking, manual_ack=True, config=config())
    await js.subscribe("r.>", cb=ordered, ordered_consumer=True, idle_heartbeat=1)
    await publish(js)
    for name, tally in tallies.items():
        try:
            await asyncio.wait_for(tally.done.wait(), 40)
        except asyncio.TimeoutError:
            pass
        order = ", in order" if name.startswith("ordered") and tally.in_order else ""
        print(f"{name}: {len(tally.seen)} of {TOTAL}{order}", flush=True)
    for task in tasks:
        task.cancel()
    await nc.close()


asyncio.run(main(sys.argv[1]))
