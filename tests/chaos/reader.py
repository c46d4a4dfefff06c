"""A reader that drops, lags, reconnects and resumes as its dice say, with the strict feed reader of the tests inside.

It writes down everything it saw. What it may show for good is judged by `checker.py`.
"""
from __future__ import annotations

import contextlib
import http.client
import random
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent

from tests.chaos.record import Connection, ReaderRecord, Seen
from tests.chaos.world import World
from tests.feed_reader import CHANNELS, Feed, FeedEnded, FeedRefused, Held

SILENCE_SECONDS = 1.6  # four pings that did not come: the connection is dead, whatever it says
BROKEN = "the feed broke a promise"
LOST = (FeedEnded, OSError, http.client.HTTPException, ValueError)


class Reader:
    def __init__(self, world: World, name: str, rng: random.Random, log: Any, *, patience_seconds: float = 0.5, is_restless: bool = True) -> None:
        self.record = ReaderRecord(name)
        self.held = Held()
        self.text_at = 0.0  # when it was last sent text
        self._world, self._rng, self._log = world, rng, log
        self._patience_seconds = patience_seconds  # how long a connection is kept, on average
        self._is_restless = is_restless
        self._calming = False
        self._last_id = "-"
        self._api: Any = None
        self._hang_up: Callable[[], None] | None = None
        self._greenlet = gevent.spawn(self._run)

    def calm_down(self) -> None:
        """From here on: one good connection, until nothing is open."""
        self._calming = True
        if self._hang_up is not None:
            self._hang_up()

    def wait(self, seconds: float) -> bool:
        """Whether it came to rest."""
        self._greenlet.join(seconds)
        is_at_rest = self._greenlet.ready()
        self._greenlet.kill()
        if self._greenlet.exception is not None and not isinstance(self._greenlet.exception, gevent.GreenletExit):
            raise self._greenlet.exception
        return is_at_rest

    def _run(self) -> None:
        while not self._is_restless and not self._calming:
            self._connect_once(time.monotonic() + self._patience_seconds, False)
        while not self._calming:
            self._connect_once(time.monotonic() + self._rng.expovariate(1 / self._patience_seconds), self._rng.random() < 0.3)
            if not self._calming:
                gevent.sleep(self._rng.choice((0, 0, 0.01, 0.1, 0.4)))
        while not self._connect_once(time.monotonic() + 5, False):
            gevent.sleep(0.05)

    def _connect_once(self, until: float, is_slow: bool) -> bool:
        """One connection; whether everything it followed has ended, as the calm phase wants."""
        was_calm = self._calming
        port = self._world.rill.port if was_calm or not self._is_restless or self._rng.random() < 0.3 else self._world.feeds.port
        cursor = self.held.cursor()
        if not was_calm and self._last_id != "-" and self._rng.random() < 0.25 and self._is_usable(self._last_id):
            cursor = self._last_id  # as EventSource does by itself: maybe older than what it has
        connection = Connection(cursor, time.monotonic())
        self.record.connections.append(connection)
        buffer = self._rng.choice((2048, 8192)) if is_slow else None
        try:
            with self._open(port, cursor, buffer) as feed, self._hanging_up(feed, until):
                return self._read(feed, connection, until, is_slow and not was_calm, was_calm)
        except FeedRefused as error:
            connection.ended = f"refused {error.status}"
        except LOST as error:
            connection.ended = type(error).__name__
        except AssertionError as error:
            connection.ended = "promise" if str(error).startswith(BROKEN) else "silence"
            if connection.ended == "promise":
                self.record.broken_promises.append(f"connection at {connection.opened_at:.3f}: {error}")
        finally:
            self._log(self.record.name, f"connection of {time.monotonic() - connection.opened_at:.2f} s, port "
                      f"{'direct' if port == self._world.rill.port else 'harmed'}, {len(connection.events)} events, ended {connection.ended or 'by itself'}")
        return False

    def _open(self, port: int, cursor: str, buffer: int | None) -> Feed:
        with gevent.Timeout(SILENCE_SECONDS, TimeoutError):
            return Feed(port, self.held, cursor=cursor, by_header=self._rng.random() < 0.5, receive_buffer=buffer, is_slow=True)

    @contextlib.contextmanager
    def _hanging_up(self, feed: Feed, at: float) -> Iterator[None]:
        """When its time is over, or calm is wanted, in the middle of whatever it reads."""
        def hang_up() -> None:
            with contextlib.suppress(OSError):
                feed.socket.shutdown(socket.SHUT_RDWR)
        self._hang_up = hang_up
        timer = gevent.spawn_later(max(0.0, at - time.monotonic()), hang_up)
        try:
            yield
        finally:
            timer.kill()
            self._hang_up = None

    def _is_usable(self, cursor: str) -> bool:
        """It names what the reader still believes unfinished, all of it, and nothing else."""
        named = {entry.split(":")[0] for entry in cursor.split(",")}
        return named == {entry.split(":")[0] for entry in self.held.cursor().split(",")}

    def _read(self, feed: Feed, connection: Connection, until: float, is_slow: bool, was_calm: bool) -> bool:
        while time.monotonic() < until and (was_calm or not self._calming):
            if is_slow:
                gevent.sleep(self._rng.choice((0.01, 0.05, 0.2)))
                feed.receive(self._rng.choice((50, 500, 4000)))
                if not feed.has_event:
                    continue
            seen = len(feed.events)
            try:
                event = feed.read(SILENCE_SECONDS, "silence")
            finally:  # what broke a promise was seen too
                connection.events += [Seen(one.name, one.data, one.id, one.at) for one in feed.events[seen:]]
            self._last_id = event.id or self._last_id
            self.text_at = event.at if event.name == "delta" else self.text_at
            if event.name == "conversation_deleted":
                self._drop(lambda message: message["conversation_id"] == event.data["id"])
            if event.name == "ready":
                self._ask_for_unmentioned(feed, connection)
            if was_calm and feed.is_ready and self.held.cursor() == "-":
                return True
        return False

    def _drop(self, is_gone: Any) -> None:
        for message_id in [one for one, message in self.held.messages.items() if is_gone(message)]:
            self.held.messages.pop(message_id)
            self.held.texts.pop(message_id, None)

    def _ask_for_unmentioned(self, feed: Feed, connection: Connection) -> None:
        """The reader's rule: one that it holds unfinished and that was not mentioned, it asks for."""
        mentioned = {event.data["message"]["id"] for event in feed.events if event.name == "message"}
        for message_id in {entry.split(":")[0] for entry in self.held.cursor().split(",")} - mentioned - {"-"}:
            self._api = self._api or self._world.rill.api()
            answer = self._api.request("GET", f"/api/messages/{message_id}")
            if answer.status_code == 404:
                self._drop(lambda message: message["id"] == message_id)
                continue
            if answer.status_code != 200:
                raise ConnectionError(f"asking was refused with {answer.status_code}")  # it comes back and asks again
            message = answer.json()
            connection.events.append(Seen("asked", {"message": message}, None, time.monotonic()))
            self.held.texts[message_id] = {channel: message[channel] for channel in CHANNELS}
            self.held.messages[message_id] = message
