"""stores.py URL BYTES - key-value buckets and object stores through nats-py, one line for each situation."""
import asyncio
import base64
import hashlib
import io
import sys

import nats
from nats.js import api, errors

WAIT = 20


def show(what, text):
    print(f"{what}: {text}", flush=True)


async def outcome(call):
    try:
        return await call
    except Exception as e:  # which one it is, is what is shown
        return f"{type(e).__name__} {getattr(e, 'err_code', '')}".strip()


def entry(e):
    if not hasattr(e, "revision"):
        return str(e)
    value = (e.value or b"").decode(errors="replace")
    return f"{e.key}={value}@{e.revision}" + (f" {e.operation}" if e.operation else "")


async def drain(watcher):
    """What a watcher has got until now."""
    out = []
    while True:
        try:
            e = await watcher.updates(timeout=1)
        except (TimeoutError, nats.errors.TimeoutError):
            return " ".join(out)
        if e is None:
            if out:
                return " ".join(out)
            continue
        out.append(entry(e))


async def key_value(js):
    kv = await js.create_key_value(bucket="CONFIG", history=5, description="settings", max_value_size=1000)
    show("put", await kv.put("a.b", b"one"))
    show("put again", await kv.put("a.b", b"two"))
    show("get", entry(await kv.get("a.b")))
    show("get a revision", entry(await kv.get("a.b", revision=1)))
    show("get a revision of another key", entry(await outcome(kv.get("c", revision=1))))
    show("get what is not there", entry(await outcome(kv.get("nothing"))))
    show("create", await kv.create("c", b"new"))
    show("create what is there", await outcome(kv.create("c", b"newer")))
    show("update", await kv.update("c", b"newer", last=3))
    show("update of a wrong revision", await outcome(kv.update("c", b"x", last=3)))
    show("delete", await kv.delete("c"))
    show("get what is deleted", entry(await outcome(kv.get("c"))))
    show("create what is deleted", await kv.create("c", b"back"))
    show("delete of a wrong revision", await outcome(kv.delete("c", last=1)))
    for n in range(8):
        await kv.put("many", str(n).encode())
    show("history", " ".join(entry(e) for e in await kv.history("many")))
    show("history with a delete", " ".join(entry(e) for e in await kv.history("c")))
    show("purge", await kv.purge("many"))
    show("history behind a purge", " ".join(entry(e) for e in await kv.history("many")))
    show("keys", " ".join(sorted(await kv.keys())))
    show("too large", await outcome(kv.put("large", bytes(1001))))
    show("an empty value", await kv.put("empty", b""))
    show("get the empty value", entry(await kv.get("empty")))
    status = await kv.status()
    show("status", f"{status.bucket} {status.values} values, history {status.history}, ttl {status.ttl}")
    watcher = await kv.watchall()
    show("watch all", await drain(watcher))
    await kv.put("d", b"live")
    await kv.delete("a.b")
    show("watched", await drain(watcher))
    await watcher.stop()
    watcher = await kv.watch("a.*", include_history=True)
    show("watch with history", await drain(watcher))
    await watcher.stop()
    watcher = await kv.watchall(ignore_deletes=True, meta_only=True)
    show("watch without deletes and values", await drain(watcher))
    await watcher.stop()
    await kv.purge_deletes(olderthan=-1)
    show("keys behind a purge of deletes", " ".join(sorted(await kv.keys())))
    show("delete the bucket", await js.delete_key_value("CONFIG"))
    show("a bucket that is gone", await outcome(js.key_value("CONFIG")))
    show("a bad name", await outcome(js.create_key_value(bucket="a.b")))


async def aging(js):
    kv = await js.create_key_value(bucket="AGING", ttl=1.0, storage=api.StorageType.MEMORY)
    await kv.put("short", b"life")
    show("before its time", entry(await kv.get("short")))
    await asyncio.sleep(2)
    show("behind its time", entry(await outcome(kv.get("short"))))


async def watch_objects(store):
    watcher = await store.watch()
    out = []
    while True:
        info = await watcher.updates(timeout=5)
        if info is None:
            await watcher.stop()
            return " ".join(sorted(out))
        out.append(f"{info.name}{' deleted' if info.deleted else ''}")


async def objects(js, size):
    store = await js.create_object_store("FILES", config=api.ObjectStoreConfig(description="some files"))
    large = bytes(i * 7 % 251 for i in range(100_003)) * (size // 100_003 + 1)
    contents = {"empty": b"", "one": b"1", "large": large[:size]}
    for name, data in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
        info = await store.put(name, io.BytesIO(data))
        show(f"put {name}", f"{info.size} bytes in {info.chunks} chunks, digest right {info.digest == 'SHA-256=' + digest}")
        got = await store.get(name)
        show(f"get {name}", f"{len(got.data)} bytes, equal {got.data == data}")
    info = await store.put("one", b"changed", meta=api.ObjectMeta(description="a text", headers={"Kind": "text"}))
    show("put again", f"{info.size} bytes")
    info = await store.get_info("one")
    show("info", f"{info.name} {info.description} {info.headers} {info.size} {info.chunks} {info.deleted}")
    show("list", " ".join(sorted(i.name for i in await store.list())))
    show("watch", await watch_objects(store))
    await store.update_meta("one", api.ObjectMeta(name="one", description="another text"))
    show("described", (await store.get_info("one")).description)
    show("rename to one that is there", await outcome(store.update_meta("one", api.ObjectMeta(name="large"))))
    await store.delete("one")
    show("get what is deleted", await outcome(store.get("one")))
    show("get what was never there", await outcome(store.get("nothing")))
    show("list", " ".join(sorted(i.name for i in await store.list())))
    status = await store.status()
    show("status", f"{status.bucket} {status.description} sealed {status.sealed}")
    await store.seal()
    show("sealed", (await store.status()).sealed)
    show("put into a sealed store", await outcome(store.put("late", b"x")))
    show("delete from a sealed store", await outcome(store.delete("one")))
    show("get from a sealed store", len((await store.get("large")).data))
    show("delete the store", await js.delete_object_store("FILES"))
    show("a store that is gone", await outcome(js.object_store("FILES")))


async def main(url, size):
    nc = await nats.connect(url)
    js = nc.jetstream(timeout=WAIT)
    await key_value(js)
    await aging(js)
    await objects(js, int(size))
    await nc.close()


asyncio.run(main(*sys.argv[1:]))
