"""The feed's promise under every interleaving: a page that follows the reader's rule has, at any time, a prefix of the
committed text, and after the final message all of it; whatever is slow, stops, goes on, is deleted or reconnects.
"""
from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import gevent
import pytest

from rill import store
from rill.cursor import parse_cursor
from rill.errors import RateLimited, UpstreamFailed
from rill.hub import MAX_WAITING_EVENTS, Hub, StateEvent
from rill.replies import Options
from rill.run import Run
from tests.cast import ALICE, BOB
from tests.page import Page, SlowFeed, parse_frame
from tests.support import Core, seeded, some_text, turns, wait_until

BOOKS, STORIES = 5, 4
STEPS = 250
MOST_RUNS = 6


class Story:
    """One user's life in random steps, watched by a page behind a slow and breaking connection."""

    def __init__(self, core: Core, rng: random.Random) -> None:
        self.core, self.rng = core, rng
        self.conversations = [core.conversation()]
        self.ended: list[str] = []
        self.page = Page(core.look)
        self.feed = SlowFeed(core, ALICE.id, self.page, "-")

    def step(self) -> None:
        choices = [(self.write, 50), (self.allow, 30), (self.turn, 30), (self.send, 5), (self.finish, 6), (self.continue_, 8),
                   (self.fail, 2), (self.stop, 2), (self.reconnect, 3), (self.flood, 5), (self.delete, 0.5)]
        self.rng.choices([act for act, _ in choices], [weight for _, weight in choices])[0]()
        self.feed.check()

    # -- what people and the upstream do

    def send(self) -> None:
        if len(self.core.engine.runs) < MOST_RUNS:
            if self.rng.random() < 0.3 or not self.conversations:
                self.conversations.append(self.core.conversation())
            runs = self.core.send(self.rng.choice(self.conversations), some_text(self.rng, 5), None, models=["demo/a"] * self.rng.randint(1, 2))
            self.ended += [run.message.id for run in runs]

    def continue_(self) -> None:
        """Whatever ended early grows on, also when its end has not been sent yet."""
        early = [message for one in self.ended if (message := self.core.look(one)) and message.is_finished and
                 (message.status != "completed" or message.finish_reason == "length")]
        if early and len(self.core.engine.runs) < MOST_RUNS:
            self.core.replies.continue_(ALICE.id, self.rng.choice(early), Options())

    def _any_run(self) -> Run | None:
        runs = [run for run in self.core.engine.runs.values() if run.ending is None]
        return self.rng.choice(runs) if runs else None

    def write(self, most: int = 12) -> None:
        if (run := self._any_run()) and (call := self.core.call_of(run)):
            if run.status == "connecting":
                call.open()
            call.write(some_text(self.rng, most), self.rng.choice(["content", "reasoning"]))

    def flood(self) -> None:
        self.write(9000)

    def finish(self) -> None:
        if (run := self._any_run()) and (call := self.core.call_of(run)):
            call.finish(self.rng.choice(["stop", "length", "length"]))

    def fail(self) -> None:
        if (run := self._any_run()) and (call := self.core.call_of(run)):
            call.say(UpstreamFailed("It broke."))

    def stop(self) -> None:
        if run := self._any_run():
            run.stop()

    def delete(self) -> None:
        if self.conversations:
            self.core.delete(self.conversations.pop(self.rng.randrange(len(self.conversations))))

    # -- what the network does

    def turn(self) -> None:
        turns(self.rng.choice([1, 1, 3, 10]))

    def allow(self) -> None:
        self.feed.allow(self.rng.choice([1, 1, 2, 5, 30, 10_000]))

    def reconnect(self) -> None:
        self.feed.close()
        self.feed.check()
        cursor = self.rng.choice([self.page.cursor, lambda: self.page.last_id, lambda: "-"])()
        self.feed = SlowFeed(self.core, ALICE.id, self.page, cursor)

    # -- the end

    def close(self) -> None:
        """Everything ends, the connection holds, and the page has it all."""
        wait_until(lambda: all(self.core.call_of(run) for run in self.core.engine.runs.values() if run.ending is None), "the calls")
        for run in list(self.core.engine.runs.values()):
            if run.ending is None:
                self.core.call_of(run).finish()
        wait_until(lambda: not self.core.engine.runs, "every run to end")
        self.feed.allow(1_000_000)
        with self.core.witness.read() as tx:
            revision = store.revision(tx, ALICE.id)
        wait_until(lambda: self.feed.check() or self.page.is_ready and self.page.revision == revision, "the page to know the last change")
        assert not self.page.unfinished
        for message_id, text in self.page.texts.items():
            if message := self.core.look(message_id):
                assert message.is_finished
                for channel, has in text.items():
                    whole = getattr(message, channel)
                    # What grew on and ended while the page was away and held it finished: it refetches by the revision.
                    assert has == whole if message_id in self.page.ended else whole.startswith(has)
        self.feed.close()


@pytest.mark.parametrize("_book", range(BOOKS))
def test_a_page_has_a_prefix_at_any_time_and_all_of_it_at_the_end(make_core: Callable[[], Core], _book: int) -> None:
    rng, told = seeded(), Counter()
    for _ in range(STORIES):
        story = Story(make_core(), rng)
        for _ in range(STEPS):
            story.step()
        story.close()
        told += story.page.counts
    assert min(told["delta"], told["message"]) > 30 and told["hello"] > STORIES, told


# ---- the same, one case at a time

def open_page(core: Core) -> tuple[Page, SlowFeed]:
    """A page that is ready while replies are being written; its connection takes nothing more by itself."""
    page = Page(core.look)
    feed = SlowFeed(core, ALICE.id, page, "-")
    while not page.is_ready:
        feed.allow(1)
        turns(3)
        feed.check()
    return page, feed


def test_a_reply_that_began_behind_a_full_socket_is_shown_without_waiting_for_more_text(core: Core) -> None:
    conversation = core.conversation()
    run, call = core.started(conversation)
    page, feed = open_page(core)
    call.write("a" * 10_000)
    wait_until(lambda: run.live.content.length == 10_000, "the first reply's text")
    feed.allow(1)  # the generator now stands between two deltas of the first reply
    turns(5)
    other, its_call = core.started(core.conversation())
    its_call.write("here")
    wait_until(lambda: other.live.content.length == 4, "the second reply's text")
    feed.allow(100)
    wait_until(lambda: feed.check() or page.texts.get(other.message.id, {}).get("content") == "here", "the second reply to be shown")


def test_a_continue_behind_a_full_socket_comes_after_the_end_before_it(core: Core) -> None:
    run, call = core.started(core.conversation())
    page, feed = open_page(core)
    call.write("a" * 10_000)
    wait_until(lambda: run.live.content.length == 10_000, "the text")
    feed.allow(1)
    turns(5)
    call.finish("length")
    assert run.committed.wait(5)
    count = len(core.upstream.calls)
    core.replies.continue_(ALICE.id, core.stored(run.message.id), Options())
    again = core.engine.runs[run.message.id]
    its_call = core.opened(again, count)
    its_call.write("b" * 10)
    wait_until(lambda: again.live.content.length == 10_010, "the text to grow on")
    feed.allow(100)
    wait_until(lambda: feed.check() or len(page.texts[run.message.id]["content"]) == 10_010, "the page to have all")


def test_bob_is_told_nothing_of_what_alice_does(core: Core) -> None:
    bob = core.open_reader(BOB.id)
    run, call = core.started(core.conversation())
    call.write("secret")
    call.finish()
    assert run.committed.wait(5)
    assert list(bob.drain()) == []
    from_the_start = SlowFeed(core, BOB.id, page := Page(core.look), f"{run.message.id}:0:0")
    from_the_start.allow(100)
    wait_until(lambda: page.is_ready, "Bob's catch-up")
    assert page.counts == {"hello": 1, "ready": 1}


def test_a_reader_costs_nothing_while_it_does_not_read(core: Core) -> None:
    run, call = core.started(core.conversation())
    reader = core.open_reader()
    reader.have[run.message.id] = (0, 0)
    for _ in range(500):
        call.write("0123456789")
        turns(1)
    wait_until(lambda: run.live.content.length == 5000, "the text")
    frames = [parse_frame(raw) for raw in reader.drain()]
    assert [len(data["text"]) for _, _, data in frames] == [4096, 904]


def test_a_reader_that_falls_too_far_behind_is_told_to_come_again(core: Core) -> None:
    reader = core.open_reader()
    for revision in range(MAX_WAITING_EVENTS + 1):
        assert reader.bye is None
        reader.tell(StateEvent("conversation", {"conversation": {}}, revision + 1))
    assert reader.bye == "age"


def test_while_text_flows_the_cursor_is_sent_at_least_once_a_second(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    run, call = core.started(core.conversation())
    reader = core.open_reader()
    reader.have[run.message.id] = (0, 0)
    reader.is_catching_up = False
    now = [1000.0]
    monkeypatch.setattr("rill.hub.time.monotonic", lambda: now[0])
    with_id = []
    for at in range(40):
        now[0] = 1000 + at * 0.25
        run.live.append("content", "x")
        reader.grew(run.live)
        [(cursor, _, data)] = [parse_frame(raw) for raw in reader.drain()]
        if cursor is not None:
            with_id.append(at)
            assert parse_cursor(cursor)[run.message.id] == (data["offset"] + 1, 0)
    assert with_id == list(range(0, 40, 4))


# ---- who may open how many

def hub(**limits: float) -> Hub:
    return Hub(**{"ping_seconds": 3600, "max_age": 3600, "per_user": 0, "per_address": 0, **limits})


def test_a_user_may_open_so_many_feeds_and_again_when_one_is_closed() -> None:
    one = hub(per_user=2)
    readers = [one.open(ALICE.id, "127.0.0.1") for _ in range(2)]
    with pytest.raises(RateLimited) as refused:
        one.open(ALICE.id, "127.0.0.1")
    assert refused.value.retry_after
    one.open(BOB.id, "127.0.0.1")
    one.close(readers[0])
    one.open(ALICE.id, "127.0.0.1")
    assert one.count == 3


def test_an_address_may_open_so_many_feeds_whoever_asks() -> None:
    one = hub(per_address=2)
    one.open(ALICE.id, "10.0.0.1")
    one.open(BOB.id, "10.0.0.1")
    one.open(ALICE.id, "10.0.0.2")
    with pytest.raises(RateLimited):
        one.open(BOB.id, "10.0.0.1")


def test_no_limit_is_no_limit_and_closing_twice_counts_once() -> None:
    one = hub()
    readers = [one.open(ALICE.id, "10.0.0.1") for _ in range(200)]
    for reader in [*readers, *readers]:
        one.close(reader)
    assert one.count == 0


def test_an_open_feed_is_pinged_and_ended_when_it_is_old() -> None:
    one = hub(ping_seconds=0.05, max_age=0.3)
    reader = one.open(ALICE.id, "10.0.0.1")
    pings = 0
    with gevent.Timeout(5):
        while reader.bye is None:
            reader.wait()
            pings += sum(parse_frame(raw)[1] == "ping" for raw in reader.drain())
    assert reader.bye == "age"
    assert pings >= 2


def test_the_first_reason_to_end_is_the_one_that_is_told() -> None:
    one = hub()
    mine, hers = one.open(ALICE.id, "10.0.0.1"), one.open(BOB.id, "10.0.0.1")
    one.end_all("session", lambda reader: reader.user_id == ALICE.id)
    one.end_all("shutdown")
    assert (mine.bye, hers.bye) == ("session", "shutdown")
