"""Publishes into a stream through the official Python client, whatever happens to the connection."""
import asyncio
from collections import deque

import nats
from nats.errors import Error as NatsError


class Publisher:
    """Publishes with a window of outstanding acknowledgements and repeats what a broken connection took."""

    def __init__(self, messages):
        self.messages = messages  # (subject, payload) by row number
        self.sequences = {}  # row number -> stream sequence, of what was acknowledged
        self.repeated = 0
        self.stored_before = 0  # repeated although the server had it: its answer was lost
        self.failure = None
        self._again = deque()
        self._outstanding = {}
        self._all_acked = asyncio.Event()

    @property
    def acked(self):
        return len(self.sequences)

    async def on_reconnected(self):
        # Answers to these can no longer arrive.
        for future in list(self._outstanding.values()):
            future.cancel()

    def _on_answer(self, row, future):
        del self._outstanding[row]
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or isinstance(error, NatsError):
            self._again.append(row)
            return
        if error:
            self.failure = error
            self._all_acked.set()
            return
        self.sequences[row] = future.result().seq
        self.stored_before += bool(future.result().duplicate)
        if self.acked == len(self.messages):
            self._all_acked.set()

    async def _send(self, js, row):
        subject, payload = self.messages[row]
        try:
            future = await js.publish_async(subject, payload, headers={"Nats-Msg-Id": str(row)})
        except NatsError:  # the connection is down and the client's buffer full
            self._again.append(row)
            await asyncio.sleep(0.05)
            return
        self._outstanding[row] = future
        future.add_done_callback(lambda done: self._on_answer(row, done))

    async def run(self, js):
        for row in range(len(self.messages)):
            await self._send(js, row)
        while not self._all_acked.is_set():
            while self._again:
                self.repeated += 1
                await self._send(js, self._again.popleft())
            try:
                await asyncio.wait_for(self._all_acked.wait(), 0.05)
            except asyncio.TimeoutError:
                pass
        if self.failure:
            raise self.failure


async def connect(url, publisher):
    """A connection that comes back by itself and then tells the publisher."""
    async def on_error(_error):  # the client reports each failed attempt to connect
        pass

    return await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=on_error,
                              reconnected_cb=publisher.on_reconnected, pending_size=16 << 20)
