"""What several suites share: seeds, waiting, an upstream that a test plays by hand, and the core built around it.

The upstream here is the far end of the engine's own seam, for units; suites that talk HTTP use `rill/standin/`.
"""
from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import orjson
from gevent.queue import Queue

from rill import journal, store
from rill.chunks import Connected, Delta, Event, Finish, Meta
from rill.contents import Contents
from rill.db import Database
from rill.deletion import Deletions
from rill.engine import Engine
from rill.errors import NotFound
from rill.hub import Hub, Reader
from rill.models import Conversation, Message
from rill.replies import HEAD, Options, Replies
from rill.run import Run
from rill.uploads import Uploads
from rill.zenmux import ChatRequest
from tests.cast import ALICE

DEADLINE_SECONDS = 10
# One, two, three and four bytes of UTF-8; pairs of UTF-16; a sequence of several code points; a line end; JSON's own.
ALPHABET = ["a", "é", "漢", "😀", "𐍈", "👩‍👩‍👧", "\n", "\r\n", '"', "\\", "\u2028", "\ufeff", "\x7f"]


def seeded(seed: int | None = None) -> random.Random:
    """Randomness that tells how to be repeated: `RILL_TEST_SEED` takes the printed number."""
    seed = int(os.environ.get("RILL_TEST_SEED") or (random.SystemRandom().randrange(2**32) if seed is None else seed))
    print(f"RILL_TEST_SEED={seed}")
    return random.Random(seed)


def some_text(rng: random.Random, at_most: int) -> str:
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, at_most)))


def wait_until(is_so: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """Let the loop turn until it is so; fail with `what` when the deadline passes."""
    give_up_at = time.monotonic() + seconds
    while not (value := is_so()):
        assert time.monotonic() < give_up_at, f"waited {seconds} s for: {what}"
        gevent.sleep(0.001)
    return value


def turns(count: int) -> None:
    """Let the event loop turn so often."""
    for _ in range(count):
        gevent.sleep(0)


class Call:
    """One request to the hand-played upstream. `say` puts events (or an exception to raise) on its wire."""

    def __init__(self, request: ChatRequest) -> None:
        self.request = request
        self.is_closed = False
        self.events: Queue = Queue()

    def say(self, *events: Event | BaseException | bytes) -> None:
        for event in events:
            self.events.put(event)

    def open(self) -> None:
        self.say(Connected("request-1"), Meta("generation-1", "demo/hand"))

    def write(self, text: str, channel: Any = "content") -> None:
        self.say(Delta(channel, text))

    def finish(self, reason: str = "stop", usage: dict[str, Any] | None = None) -> None:
        self.say(Finish(reason, usage))


class HandUpstream:
    """Has `stream_chat` of `zenmux.ZenMux`; each call waits for what the test says."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def stream_chat(self, request: ChatRequest, *, record: Callable[[bytes], None] | None = None) -> Iterator[Event]:
        call = Call(request)
        self.calls.append(call)
        try:
            while True:
                event = call.events.get()
                if isinstance(event, BaseException):
                    raise event
                if isinstance(event, bytes):
                    if record is not None:
                        record(event)
                    continue
                yield event
                if type(event) is Finish:
                    return
        finally:
            call.is_closed = True


class WatchedDatabase(Database):
    """A real database that tells how often it was written, and fails on demand."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.appended: list[int] = []  # entries of each journal row that `append` wrote
        self.writes = 0
        self.faults: list[tuple[str, Exception]] = []  # where (append, begin or commit; any matches all), and what

    def _fail(self, where: str) -> None:
        if self.faults and self.faults[0][0] in (where, "any"):
            raise self.faults.pop(0)[1]

    def append(self, statement: str, values: tuple = ()) -> None:
        self._fail("append")
        super().append(statement, values)
        self.appended += [len(orjson.loads(row)) for row in values]

    @contextmanager
    def write(self) -> Iterator[Any]:
        self._fail("begin")
        with super().write() as tx:
            yield tx
            self._fail("commit")
        self.writes += 1


class Core:
    """Database, hub, engine and replies around a hand-played upstream, as `parts.build` joins them."""

    def __init__(self, path: Path, **limits: int) -> None:
        self.db = WatchedDatabase(path)
        self.db.upgrade()
        self.witness = Database(path)  # another connection: sees only what is committed
        self.hub = Hub(ping_seconds=3600, max_age=3600, per_user=0, per_address=0)
        self.upstream = HandUpstream()
        self.engine = Engine(self.db, self.hub, self.upstream, lambda model, usage: None,
                             **{"runs_per_user": 0, "messages_per_minute": 0, **limits})
        self.uploads = Uploads(self.db, path.parent, 0)
        self.replies = Replies(self.db, self.hub, self.engine, lambda user_id: "demo/hand",
                               Contents(self.uploads.read, lambda model: "pdf" in model))
        self.deletions = Deletions(self.db, self.hub, self.engine)

    def close(self) -> None:
        self.deletions.cancel_purge()
        for run in list(self.engine.runs.values()):
            run.discarded = True
            run.stop()
        self.db.faults.clear()
        wait_until(lambda: not self.engine.runs, "all runs to end")
        self.db.close()
        self.witness.close()

    def conversation(self, user_id: str = ALICE.id) -> Conversation:
        with self.db.write() as tx:
            return store.create_conversation(tx, user_id)

    def send(self, conversation: Conversation, content: str = "Hello", parent_id: Any = HEAD, **options: Any) -> list[Run]:
        """Send a message; its runs, not yet begun."""
        before = set(self.engine.runs)
        self.replies.send(conversation.user_id, conversation, content, parent_id, Options(**options))
        return [run for key, run in self.engine.runs.items() if key not in before]

    def started(self, conversation: Conversation, **options: Any) -> tuple[Run, Call]:
        """One reply that is streaming, and the call that feeds it."""
        count = len(self.upstream.calls)
        [run] = self.send(conversation, **options)
        return run, self.opened(run, count)

    def opened(self, run: Run, count: int) -> Call:
        call = wait_until(lambda: self.upstream.calls[count:], "the run to ask the upstream")[0]
        call.open()
        wait_until(lambda: run.message.status == "streaming", "the reply to be streaming")
        return call

    def stored(self, message_id: str, user_id: str = ALICE.id) -> Message:
        """As another connection sees it: only what is committed."""
        with self.witness.read() as tx:
            return journal.replayed(tx, [store.get_message(tx, user_id, message_id)])[0]

    def journal_rows(self) -> int:
        with self.witness.read() as tx:
            return tx.exec_driver_sql("SELECT count(*) FROM journal").scalar()

    def look(self, message_id: str, user_id: str = ALICE.id) -> Message | None:
        """The same, or None when there is no such message."""
        try:
            return self.stored(message_id, user_id)
        except NotFound:
            return None

    def call_of(self, run: Run) -> Call | None:
        """The call that feeds it; None while, and if, it never asked."""
        return next((call for call in self.upstream.calls if call.request is run.request), None)

    def delete(self, conversation: Conversation) -> None:
        """As `DELETE /api/conversations/<id>` does."""
        self.deletions.delete_conversation(conversation.user_id, conversation.id)

    def open_reader(self, user_id: str = ALICE.id) -> Reader:
        return self.hub.open(user_id, "127.0.0.1")
