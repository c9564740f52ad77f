"""session.py URL WRONG_URL LIMITED_URL - what an application sees of the server through nats-py, one line
for each situation. Lines that start with '!' ask the test to do something to the server."""
import asyncio
import json
import re
import sys

import nats
import nats.micro
from nats import errors

WAIT = 20
NAMES = {
    errors.NoRespondersError: "no responders",
    errors.MaxPayloadError: "maximum payload exceeded",
    errors.SlowConsumerError: "slow consumer",
    errors.ConnectionClosedError: "connection closed",
    errors.AuthorizationError: "authorization violation",
    errors.TimeoutError: "timeout",
}


def show(what, text):
    print(f"{what}: {text}", flush=True)


def answer(error):
    """An error by the name that all programs use."""
    for kind, name in NAMES.items():
        if isinstance(error, kind):
            return name
    text = str(error).lower()
    if "authorization violation" in text:
        return "authorization violation"
    permissions = re.search(r"permissions violation for .*\"", text)
    return permissions[0] if permissions else repr(error)


async def outcome(call):
    try:
        await call
        return "fine"
    except Exception as e:  # which one it is, is what is shown
        return answer(e)


async def settled(nc):
    """Until the server has all that was sent. The client's PING overtakes what it still holds back, the
    second one cannot."""
    await nc.flush()
    await nc.flush()


class Observed:
    """A connection with what its callbacks were told."""

    async def connect(self, url, **options):
        self.told, self.errors = asyncio.Queue(), asyncio.Queue()

        def tell(what):
            async def callback():
                self.told.put_nowait(what)
            return callback

        async def on_error(error):
            self.errors.put_nowait(error)

        self.nc = await nats.connect(
            url, max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=on_error,
            disconnected_cb=tell("disconnected"), reconnected_cb=tell("reconnected"), closed_cb=tell("closed"),
            lame_duck_mode_cb=tell("lame duck"), **options)
        return self

    async def expect(self, situation, *events):
        """Waits until each of these was told in this order; others between them do not count."""
        for event in events:
            async with asyncio.timeout(WAIT):
                while await self.told.get() != event:
                    pass
        show(situation, ", ".join(events))

    async def next_error(self):
        return answer(await asyncio.wait_for(self.errors.get(), WAIT))

    async def subscribe(self, subject, **options):
        sub = await self.nc.subscribe(subject, **options)
        await settled(self.nc)
        return sub

    async def publish(self, subject, text=""):
        await self.nc.publish(subject, text.encode())

    async def received(self, sub):
        """All that a subscription got until now."""
        await settled(self.nc)
        texts = []
        while True:
            try:
                m = await sub.next_msg(timeout=0.05)
            except (errors.TimeoutError, errors.BadSubscriptionError):
                return texts
            texts.append(f"{m.subject}={m.data.decode()}")


async def connecting(url, wrong, limited):
    o = await Observed().connect(url)
    nc = o.nc
    version = nc.connected_server_version
    show("connect", f"server {nc._server_info['server_name']}, version {version.major}.{version.minor}, "
                    f"max payload {nc.max_payload}, headers {str(nc._server_info['headers']).lower()}")

    async def ignore(_error):
        pass

    once = {"allow_reconnect": False, "max_reconnect_attempts": 0, "error_cb": ignore}
    show("connect with a wrong password", await outcome(nats.connect(wrong, **once)))
    show("connect without a password", await outcome(nats.connect(re.sub("//.*@", "//", url), **once)))
    some = await Observed().connect(limited)
    await some.publish("closed.subject")
    show("publish without permission", await some.next_error())
    await some.subscribe("closed.>")
    show("subscribe without permission", await some.next_error())
    is_open = await some.subscribe("open")
    await some.publish("open", "text")
    show("what is permitted still works", " ".join(await some.received(is_open)))
    await some.nc.close()
    await nc.close()


async def publishing(o, other, url):
    patterns = ["greet.joe", "greet.*", "greet.>"]
    subs = {pattern: await o.subscribe(pattern) for pattern in patterns}
    await o.publish("greet.joe", "hello")
    await o.publish("greet.pam")
    await o.publish("greet.sue.all", "deep")
    for pattern in patterns:
        show("subscription to " + pattern, " ".join(await o.received(subs[pattern])))
    await subs["greet.*"].unsubscribe()
    await o.publish("greet.joe", "again")
    show("after one unsubscribed", " ".join(await o.received(subs["greet.>"])))
    await subs["greet.joe"].unsubscribe()
    await subs["greet.>"].unsubscribe()

    limited = await o.subscribe("limited")
    await limited.unsubscribe(limit=2)
    for n in range(4):
        await o.publish("limited", str(n))
    show("unsubscribe after two", " ".join(await o.received(limited)))

    quiet = await Observed().connect(url, no_echo=True)
    own, others = await quiet.subscribe("echo"), await other.subscribe("echo")
    await quiet.publish("echo", "x")
    await settled(quiet.nc)
    show("no echo", f"{len(await quiet.received(own))} own, {len(await other.received(others))} others")
    await quiet.nc.close()

    every = bytes(range(256))
    sub = await o.subscribe("bytes")
    await o.nc.publish("bytes", every)
    m = await sub.next_msg(timeout=WAIT)
    show("every byte value", f"{len(m.data)} bytes, equal {str(m.data == every).lower()}")


async def queue_group(o, other):
    counts = [0, 0, 0]

    def counter(number):
        async def on_message(_msg):
            counts[number] += 1
        return on_message

    await o.subscribe("jobs", queue="workers", cb=counter(0))
    await other.subscribe("jobs", queue="workers", cb=counter(1))
    await other.subscribe("jobs", cb=counter(2))
    for _ in range(200):
        await o.publish("jobs")
    async with asyncio.timeout(WAIT):
        while sum(counts) < 400:
            await asyncio.sleep(0.001)
    show("queue group of two", f"{counts[0] + counts[1]} messages, both worked {str(min(counts[:2]) > 0).lower()}, "
                               f"a plain subscription got {counts[2]}")


async def requests(o, other):
    async def on_help(msg):
        headers = msg.headers and {"Answer-To": msg.headers["Request-Id"]}
        await other.nc.publish(msg.reply, b"re: " + msg.data, headers=headers)

    async def on_silent(_msg):
        pass

    await other.subscribe("help", cb=on_help)
    await other.subscribe("silent", cb=on_silent)
    nc = o.nc
    show("request", (await nc.request("help", b"please", timeout=WAIT)).data.decode())
    m = await nc.request("help", b"", timeout=WAIT, headers={"Request-Id": "7"})
    show("request with headers", f"{m.data.decode()}, Answer-To {m.headers['Answer-To']}")
    show("request to nobody", await outcome(nc.request("nobody", b"", timeout=WAIT)))
    show("request without answer", await outcome(nc.request("silent", b"", timeout=0.1)))

    sub = await o.subscribe("headers")
    headers = {"Simple": "one", "lower-case": "two words", "Empty": "", "Colon": "a: b"}
    await other.nc.publish("headers", b"body", headers=headers)
    m = await sub.next_msg(timeout=WAIT)
    show("headers", " ".join(f'{key}="{m.headers[key]}"' for key in headers) + f" and {m.data.decode()}")


async def payloads(o, other):
    sub = await other.subscribe("large")
    await o.nc.publish("large", bytes(o.nc.max_payload))
    m = await sub.next_msg(timeout=WAIT)
    show("the largest payload", f"{len(m.data)} bytes")
    show("one byte more", await outcome(o.nc.publish("large", bytes(o.nc.max_payload + 1))))
    await o.publish("large", "still here")
    await settled(o.nc)
    show("after that", " ".join(await other.received(sub)))


async def slow_subscription(o, other):
    release = asyncio.Event()

    async def on_message(_msg):
        await release.wait()

    sub = await o.subscribe("slow", cb=on_message, pending_msgs_limit=10)
    for _ in range(50):
        await other.publish("slow")
    show("a subscription that does not keep up", await o.next_error())
    release.set()
    await sub.unsubscribe()


async def start_service(nc):
    service = await nats.micro.add_service(nc, name="calc", version="1.2.3", description="calculates")
    group = service.add_group(name="math")

    async def echo(request):
        await request.respond(request.data)

    async def fail(request):
        await request.respond_error("400", "not so")

    await group.add_endpoint(name="echo", handler=echo)
    await group.add_endpoint(name="fail", handler=fail)
    return service


async def services(o, other):
    nc = o.nc
    running = [await start_service(other.nc) for _ in range(2)]
    await settled(other.nc)
    inbox = nc.new_inbox()
    sub = await o.subscribe(inbox)
    await nc.publish("$SRV.PING.calc", reply=inbox)
    ids = set()
    for _ in running:
        ping = json.loads((await sub.next_msg(timeout=WAIT)).data)
        show("service ping", f"{ping['type']} {ping['name']} {ping['version']}")
        ids.add(ping["id"])
    show("service ids differ", str(len(ids) == 2).lower())
    await running[1].stop()
    await settled(other.nc)
    info = json.loads((await nc.request("$SRV.INFO.calc", timeout=WAIT)).data)
    show("service info", info["description"] + ": " + ", ".join(
        sorted(f"{e['name']} {e['subject']} {e['queue_group']}" for e in info["endpoints"])))
    for _ in range(3):
        show("service request", (await nc.request("math.echo", b"ping", timeout=WAIT)).data.decode())
    m = await nc.request("math.fail", timeout=WAIT)
    show("service error", m.headers["Nats-Service-Error-Code"] + " " + m.headers["Nats-Service-Error"])
    stats = json.loads((await nc.request("$SRV.STATS.calc", timeout=WAIT)).data)
    show("service stats", ", ".join(sorted(
        f"{e['name']} {e['num_requests']} requests {e['num_errors']} errors" for e in stats["endpoints"])))
    await running[0].stop()
    await settled(other.nc)
    show("service stopped", await outcome(nc.request("math.echo", timeout=WAIT)))


async def drain_subscription(o, other):
    count = 0

    async def on_message(_msg):
        nonlocal count
        await asyncio.sleep(0.001)
        count += 1

    sub = await o.subscribe("drained", cb=on_message)
    for _ in range(50):
        await other.publish("drained")
    await settled(other.nc)
    await settled(o.nc)
    await sub.drain()
    await other.publish("drained")
    await settled(other.nc)
    await settled(o.nc)
    show("drained subscription", f"{count} of 50")


async def disturbed(o, command, *events):
    """Asks for something that breaks the connection and looks at what comes back."""
    while not o.told.empty():
        o.told.get_nowait()
    print("!" + command, flush=True)
    await o.expect("after " + command.split()[0], *events)
    show("subscriptions are back", (await o.nc.request("alive", b"alive", timeout=WAIT)).data.decode())


async def disturbances(o):
    async def on_alive(msg):
        await msg.respond(msg.data)

    async def on_flood(_msg):
        pass

    await o.subscribe("alive", cb=on_alive)
    await o.subscribe("flood", cb=on_flood)
    await disturbed(o, "stall flood", "disconnected", "reconnected")
    await disturbed(o, "restart", "disconnected", "reconnected")
    await disturbed(o, "kill", "disconnected", "reconnected")
    await disturbed(o, "lame-duck", "lame duck", "disconnected", "reconnected")


async def drain_connection(o, url):
    other = await Observed().connect(url)
    count = 0

    async def on_message(_msg):
        nonlocal count
        await asyncio.sleep(0.001)
        count += 1

    await o.subscribe("leaving", cb=on_message)
    for _ in range(50):
        await other.publish("leaving")
    await settled(other.nc)
    await settled(o.nc)
    await o.nc.drain()
    await o.expect("drained connection", "closed")
    show("drained connection", f"{count} of 50")
    show("publish after that", await outcome(o.nc.publish("x", b"")))
    show("request to the one that left", await outcome(other.nc.request("alive", b"", timeout=WAIT)))
    await other.nc.close()


async def main(url, wrong, limited):
    await connecting(url, wrong, limited)
    o, other = await Observed().connect(url), await Observed().connect(url)
    await publishing(o, other, url)
    await queue_group(o, other)
    await requests(o, other)
    await payloads(o, other)
    await slow_subscription(o, other)
    await services(o, other)
    await drain_subscription(o, other)
    await other.nc.close()
    await disturbances(o)
    await drain_connection(o, url)


asyncio.run(main(*sys.argv[1:]))
