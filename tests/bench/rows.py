"""The rows of the benchmark: what is driven, and the goal that Weir has for it.

A row drives one fresh server and returns (messages, messages a second); run.py takes the server's
CPU and memory around it. Goals are shares of the reference's figures in the same run: `share` of its
CPU per message, `ratio` of its rate.
"""
import json
import re
import subprocess
import time
from dataclasses import dataclass
from typing import Callable, Optional


@dataclass
class Row:
    group: str
    name: str
    drive: Callable
    share: Optional[float] = None   # at most this share of the reference's CPU per message
    ratio: Optional[float] = None   # at least this multiple of the reference's rate
    rate: Optional[float] = None    # at least this many a second
    syncs: Optional[float] = None   # at least this multiple of what the disk can sync a second
    sync: str = "2m"                # sync_interval of both servers
    prepare: Optional[Callable] = None  # before the measurement begins


class Tools:
    """The two drivers of load, against one server."""

    def __init__(self, nats, load, port, scale):
        self.nats, self.load_path, self.port, self.scale = nats, load, port, scale

    def count(self, full, least=1000):
        return max(least, int(full * self.scale))

    def load(self, mode, **options):
        """weir_load: (messages, rate)."""
        result = self.load_result(mode, **options)
        return result["messages"], result["messages"] / result["seconds"]

    def load_result(self, mode, **options):
        """weir_load: what it prints."""
        words = [self.load_path, mode, "--port", str(self.port), "--limit", "150"]
        for name, value in options.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=170, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return json.loads(done.stdout)

    def bench_command(self, *words):
        return [self.nats, "--no-context", "-s", f"nats://127.0.0.1:{self.port}", "--timeout", "30s",
                "bench", *map(str, words), "--no-progress"]

    def bench(self, *words):
        """`nats bench`: the rate it reports, of all its clients together."""
        return self.rate_of(subprocess.run(self.bench_command(*words), capture_output=True, text=True, timeout=170,
                                           check=False))

    @staticmethod
    def rate_of(done):
        rate = re.search(r"stats: ([\d,.]+) msgs/sec", done.stdout)
        if done.returncode != 0 or not rate:
            raise RuntimeError((done.stderr or done.stdout).strip()[-300:])
        return float(rate.group(1).replace(",", ""))


def publish(size, full):
    def drive(t):
        n = t.count(full)
        return n, t.bench("pub", "bench.subject", "--size", size, "--msgs", n)
    return drive


def raw_publish(size, full):
    return lambda t: t.load("pub", size=size, count=t.count(full))


def fan_out(subscribers, full):
    def drive(t):
        n = t.count(full)
        reader = subprocess.Popen(t.bench_command("sub", "bench.subject", "--clients", subscribers, "--msgs", n),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            time.sleep(0.7)  # until the subscriptions are there: the tool does not say when
            t.bench("pub", "bench.subject", "--msgs", n)
            out, err = reader.communicate(timeout=120)
        finally:
            reader.kill()
        return n, t.rate_of(subprocess.CompletedProcess([], reader.returncode, out, err))
    return drive


def request_reply(full):
    def drive(t):
        n = t.count(full)
        service = subprocess.Popen(t.bench_command("service", "serve", "bench.service"),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.7)
            return n, t.bench("service", "request", "bench.service", "--clients", 10, "--msgs", n)
        finally:
            service.terminate()
            service.wait()
    return drive


def js_publish(full, *, batch, clients=1, storage="file"):
    def drive(t):
        n = t.count(full)
        return n, t.bench("js", "pub", "bench.js", "--create", "--storage", storage, "--batch", batch,
                          "--clients", clients, "--msgs", n)
    return drive


def fill_bench_stream(full):
    return lambda t: t.bench("js", "pub", "bench.js", "--create", "--batch", 500, "--msgs", t.count(full))


def js_read(full, *words):
    def drive(t):
        n = t.count(full)
        return n, t.bench("js", *words, "--msgs", n)
    return drive


def kv_bench(full, *words):
    def drive(t):
        n = t.count(full)
        return n, t.bench("kv", *words, "--msgs", n)
    return drive


def raw_js(full, **options):
    return lambda t: t.load("js-pub", count=t.count(full), **options)


def raw_read(mode, **options):
    return lambda t: t.load(mode, **options)


CORE = [
    Row("core", "publish 16 B", publish(16, 5_000_000), share=0.40, ratio=1),
    Row("core", "publish 128 B", publish(128, 4_000_000), share=0.55, ratio=1),
    Row("core", "publish 4 KiB", publish(4096, 400_000), share=1.0, ratio=1),
    Row("core", "1 to 1", fan_out(1, 1_500_000), share=0.75, ratio=1),
    Row("core", "1 to 5", fan_out(5, 500_000), share=0.75, ratio=1),
    Row("core", "request/reply, 10 requesters", request_reply(100_000), share=0.45, ratio=1),
    Row("core", "raw publish 16 B", raw_publish(16, 10_000_000)),
    Row("core", "raw publish 128 B", raw_publish(128, 5_000_000)),
    Row("core", "raw 1 to 1", lambda t: t.load("fan", conns=1, count=t.count(2_000_000))),
    Row("core", "raw 1 to 5", lambda t: t.load("fan", conns=5, count=t.count(600_000))),
    Row("core", "raw request/reply, 10", lambda t: t.load("request", conns=10, count=t.count(150_000))),
]

JS = [
    Row("js", "raw file", raw_js(1_000_000), share=0.33, ratio=2),
    Row("js", "raw file, 4 connections", raw_js(1_000_000, conns=4), share=0.33, ratio=2),
    Row("js", "raw file, 4 KiB, window 500", raw_js(100_000, size=4096, window=500), share=0.50, ratio=1.5),
    Row("js", "raw memory", raw_js(1_000_000, storage="memory"), share=0.20, ratio=2),
    Row("js", "raw file, synced", raw_js(40_000), share=0.02, syncs=100, sync="always"),
    Row("js", "raw file, synced, 4 conn.", raw_js(40_000, conns=4), share=0.02, syncs=100, sync="always"),
    Row("js", "async 500", js_publish(500_000, batch=500), share=0.33, ratio=1.3),
    Row("js", "async 500, synced", js_publish(20_000, batch=500), share=0.03, rate=100_000, sync="always"),
    Row("js", "sync publish, 1 client", js_publish(50_000, batch=1), share=0.40, ratio=1),
    Row("js", "sync publish, 10 clients", js_publish(150_000, batch=1, clients=10), share=0.50, ratio=1),
    Row("js", "sync publish, 1, synced", js_publish(8_000, batch=1), share=0.80, ratio=1, sync="always"),
    Row("js", "sync publish, 10, synced", js_publish(10_000, batch=1, clients=10), share=0.40, syncs=5,
        sync="always"),
    Row("js", "memory, async 500", js_publish(500_000, batch=500, storage="memory"), share=0.20, ratio=1.6),
    Row("js", "memory, sync, 1 client", js_publish(60_000, batch=1, storage="memory"), share=0.50, ratio=1),
]

CONSUME = [
    Row("consume", "ordered read", js_read(500_000, "ordered"), share=0.33, ratio=1.3,
        prepare=fill_bench_stream(500_000)),
    Row("consume", "durable pull, explicit ack", js_read(300_000, "consume"), share=0.36, ratio=1.6,
        prepare=fill_bench_stream(300_000)),
    Row("consume", "raw pull, no acks", raw_read("js-pull", window=500), prepare=raw_js(1_000_000)),
    Row("consume", "raw pull, explicit ack", raw_read("js-pull", ack="explicit", window=500),
        prepare=raw_js(500_000)),
    Row("consume", "raw ordered read", raw_read("js-ordered"), ratio=2, prepare=raw_js(1_000_000)),
    Row("consume", "raw pull, all of 2,000 subjects", raw_read("js-filter", window=500),
        prepare=raw_js(500_000, subjects=2_000)),
    Row("consume", "raw pull, 1,000 filters", raw_read("js-filter", window=500, filters=1_000),
        prepare=raw_js(500_000, subjects=2_000)),
    Row("consume", "KV put", kv_bench(30_000, "put"), share=0.43),
    Row("consume", "KV get", kv_bench(30_000, "get"), share=0.41, prepare=kv_bench(30_000, "put")),
]
