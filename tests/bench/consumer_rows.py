"""The rows about many consumers and many subjects: each measures one fresh server and returns named figures."""
import statistics
import time

# name, unit, goal in the words (None: told only). Goals are upper bounds but for those of AT_LEAST.
FIGURES = [
    ("10,000 consumers, created", "/s", 2000),
    ("10,000 consumers, RSS each", "KiB", None),
    ("10,000 consumers, idle CPU", "% of a core", 1),
    ("10,000 consumers, rate of publishing", "% of without", 80),
    ("10,000 consumers, CPU of publishing", "% of without", None),
    ("one subject of 1,000,000, created", "ms", None),
    ("one subject of 1,000,000, first message", "ms", 10),
    ("wildcard, 1,000 together, created", "ms", None),
    ("wildcard, 1,000 together, first message", "ms", 10),
    ("wildcard, 1,000 apart, created", "ms", None),
    ("wildcard, 1,000 apart, first message", "ms", 10),
    ("wildcard, 1,000 apart, all", "ms", None),
    ("wildcard, 1,000 apart, info", "ms", None),
    ("1,000 of a subject, created", "ms", None),
    ("1,000 of a subject, first message", "ms", 10),
    ("1,000 of a subject, all", "ms", None),
    ("100 of a subject, created", "ms", None),
    ("100 of a subject, first message", "ms", 10),
    ("100 of a subject, all", "ms", None),
    ("200,000 last values, like a KV watch", "ms", 1000),
]
AT_LEAST = {"10,000 consumers, created", "10,000 consumers, rate of publishing"}


def many_consumers(server, tools):
    server.start()
    messages = tools.count(300_000)

    def publish():
        """Medians of several: one alone is over in a third of a second."""
        rates, costs = [], []
        for _ in range(5):
            cpu = server.usage()[0]
            rates.append(tools.load("js-pub", count=messages, subjects=20_000)[1])
            costs.append((server.usage()[0] - cpu) / messages)
        return statistics.median(rates), statistics.median(costs)

    rate, cost = publish()
    rss = server.usage()[1]
    count = tools.count(10_000)
    _, created = tools.load("consumers", count=count, window=100)
    time.sleep(1)
    idle, grown, _ = server.usage()
    time.sleep(5)
    idle = (server.usage()[0] - idle) / 5
    rate_with, cost_with = publish()
    return {"10,000 consumers, created": created, "10,000 consumers, RSS each": (grown - rss) / count / 1024,
            "10,000 consumers, idle CPU": idle * 100,
            "10,000 consumers, rate of publishing": rate_with / rate * 100,
            "10,000 consumers, CPU of publishing": cost_with / cost * 100}


def one_of_many_subjects(server, tools):
    server.start()
    count = tools.count(1_000_000)
    tools.load("js-pub", count=count, subjects=count, size=64)
    tools.load_result("js-filter", filters=1)
    result = tools.load_result("js-filter", filters=1)
    return {"one subject of 1,000,000, created": result["created_ms"],
            "one subject of 1,000,000, first message": result["first_ms"] - result["created_ms"]}


def filtered(tools, name, **options):
    """The second of two reads of what a filter selects: the first is for the caches."""
    tools.load_result("js-filter", **options)
    result = tools.load_result("js-filter", **options)
    return {f"{name}, created": result["created_ms"],
            f"{name}, first message": result["first_ms"] - result["created_ms"],
            f"{name}, all": result["seconds"] * 1000, f"{name}, info": result["info_ms"]}


def wildcards(server, tools):
    """A million subjects; a thousand match: next to each other, or each thousandth message."""
    server.start()
    count = tools.count(1_000_000)
    tools.load("js-pub", count=count, subjects=count, width=1_000, size=64)
    return (filtered(tools, "wildcard, 1,000 together", filter="load.subject.*.7")
            | filtered(tools, "wildcard, 1,000 apart", filter="load.subject.7.*"))


def one_of_few_subjects(server, tools):
    """One of a thousand subjects with a thousand messages each, and of ten thousand with a hundred."""
    server.start()
    count = tools.count(1_000_000)
    tools.load("js-pub", count=count, subjects=count // 1_000, size=64)
    tools.load("js-pub", count=count, subjects=count // 100, size=64, stream="SECOND", subject="second")
    return (filtered(tools, "1,000 of a subject", filters=1)
            | filtered(tools, "100 of a subject", filters=1, stream="SECOND", subject="second"))


def last_values(server, tools):
    server.start()
    count = tools.count(200_000)
    tools.load("js-pub", count=count, subjects=count, size=64)
    result = tools.load_result("js-filter", deliver="last_per_subject", window=1_000)
    return {"200,000 last values, like a KV watch": result["created_ms"] + result["seconds"] * 1000}


MEASUREMENTS = [many_consumers, one_of_many_subjects, wildcards, one_of_few_subjects, last_values]
