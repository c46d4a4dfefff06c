"""Plays small fixed scenes with the k-th call of one kind failing, for k = 1, 2, 3 … until a scene has no k-th call.

A program of its own (gevent-patched), run by test_kth_failing_call.py: python -m tests.chaos.kth [SCENE …] [--stride N]. The faults
are planted under the real server by failing_conf.py; the checker and the players are those of bin/chaos.
"""
from __future__ import annotations

from gevent import monkey

monkey.patch_all()  # before anything else takes hold of sockets

import argparse  # noqa: E402
import functools  # noqa: E402
import itertools  # noqa: E402
import json  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402

from tests.chaos.checker import Violation, check  # noqa: E402
from tests.chaos.episode import Episode  # noqa: E402
from tests.chaos.person import Person  # noqa: E402
from tests.chaos.plan import dice  # noqa: E402
from tests.chaos.reader import Reader  # noqa: E402
from tests.chaos.record import RunRecord  # noqa: E402
from tests.chaos.world import World, end_well_on_sigterm  # noqa: E402
from tests.feed_reader import Held  # noqa: E402
from tests.servers import Rill  # noqa: E402

CONFIG = "tests/chaos/failing_conf.py"
MAX_K = 200
KINDS = ("database", "upstream read", "upstream write", "answer write")
CODES = (5, 10, 13, 1)  # of SQLite: busy, input or output error, disk full, and one that says nothing
ENOUGH_CHARS = 15  # mid text
RUN_SECONDS = 10


def question(words: int, rate: int) -> tuple[str, dict[str, Any]]:
    spec = {"words": words, "rate": rate, "seed": 5, "wide": True, "reasoning_words": 2, "reasoning_rate": rate, "first_seconds": 0}
    return json.dumps(spec), spec


numbers = itertools.count(1)  # of scenes: each has keys of its own


class Scene(Episode):
    """One small story; `told` plays it."""

    def __init__(self, world: World, number: int, kind: str, arm: Callable[[], None], disarm: Callable[[], bool],
                 told: Callable[[Scene], None]) -> None:
        super().__init__(world, number)
        self.record.storage_faults = int(kind == "database")
        self.record.read_faults = int(kind == "upstream read")
        self.has_struck = False
        self._arm, self._disarm, self._told = arm, disarm, told

    def play(self) -> list[Violation]:
        self.world.forget()
        self.person = Person(self.world, f"person {self.seed}", dice(self.seed, "person"), self.record, 1, self.log, mischief=0)
        self.reader = reader = Reader(self.world, "reader", dice(self.seed, "reader"), self.log, patience_seconds=1000, is_restless=False)
        self._arm()
        self._told(self)
        self._wait_for_runs()
        reader.calm_down()
        if not reader.wait(5):
            self.record.troubles.append(f"the reader waits for {reader.held.cursor()}")
        self._wait_for_closing()
        self.has_struck = self._disarm()
        self.record.readers = [reader.record]
        self._collect()
        return check(self.record)

    def ask(self, words: int, rate: int) -> RunRecord | None:
        """A run in a conversation of its own."""
        status, conversation = self.person.post("/api/conversations", {})
        if status != 201:
            return None
        self.record.kept_conversations.add(conversation["id"])
        content, spec = question(words, rate)
        body = {"content": content, "models": ["demo/numbers"], "params": {"temperature": next(self.person.tags) / 1e6}}
        status, answer = self.person.post(f"/api/conversations/{conversation['id']}/messages", body)
        return self.person.note(answer["replies"][0], body, {"demo/numbers": spec}) if status == 202 else None

    def wait_for(self, run: RunRecord, is_so: Callable[[Held], bool]) -> None:
        """By what the reader shows: asking the server would add calls."""
        self._wait_until(lambda: is_so(self.reader.held) or self.reader.held.is_final(run.message_id), RUN_SECONDS)

    def has_text(self, run: RunRecord) -> None:
        self.wait_for(run, lambda held: held.lengths(run.message_id)[0] >= ENOUGH_CHARS)

    def end_of(self, run: RunRecord) -> dict[str, Any] | None:
        self.wait_for(run, lambda _: False)
        return self.person.end_of(run)


def sending(scene: Scene) -> None:
    """A message, and its answer to the end."""
    if run := scene.ask(words=5, rate=150):
        scene.end_of(run)


def stopping_and_continuing(scene: Scene) -> None:
    if run := scene.ask(words=12, rate=100):
        scene.has_text(run)
        scene.person.stop(run)
        message = scene.end_of(run)
        if message and (following := scene.person.continue_(run, message)):
            scene.end_of(following)


def deleting(scene: Scene) -> None:
    """In the middle of the text. Who is refused does not try again: the conversation is still there, and must come to rest."""
    if run := scene.ask(words=60, rate=150):
        scene.has_text(run)
        if not scene.person.delete(run.conversation_id, is_patient=False):
            scene.record.kept_conversations.add(run.conversation_id)
            scene.record.discarded.clear()
            run.stopped_at = time.monotonic()  # it may have been stopped for nothing


SCENES = {scene.__name__: scene for scene in (sending, stopping_and_continuing, deleting)}


class Planter:
    """The test's end of failing_conf.py's socket."""

    def __init__(self, world: World) -> None:
        self._path = str(world.folder / "chaos.sock")

    def _tell(self, asked: dict[str, Any]) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(self._path)
            line.sendall(json.dumps(asked).encode() + b"\n")
            return json.loads(line.makefile().readline())

    def arm(self, kind: str, k: int, code: int) -> None:
        self._tell({"kind": kind, "k": k, "code": code})

    def disarm(self) -> bool:
        """Whether there was a k-th call; from now on nothing fails."""
        told = self._tell({})
        self._tell({"kind": "nothing", "k": 0, "code": 0})
        return told["count"] >= told["k"]


def play_all(world: World, planter: Planter, name: str, kind: str, stride: int = 1) -> int:
    """How many k failed the check."""
    failed, started = 0, time.monotonic()
    for k in range(1, MAX_K, stride):
        code = CODES[k // stride % len(CODES)] if kind == "database" else 0
        scene = Scene(world, next(numbers), kind, functools.partial(planter.arm, kind, k, code), planter.disarm, SCENES[name])
        violations = scene.play()
        if violations:
            failed += 1
            print(f"{name}, {kind} {k} (code {code}): FAILED", *(f"  {one}" for one in violations), scene.story(), scene.record.log[-6000:], sep="\n", flush=True)
        if not scene.has_struck:
            break
    else:
        failed += 1  # a scene without an end proves nothing
    print(f"{name}: the {kind} failed at k = 1 to {k - stride}, step {stride}; {failed} broke something, {time.monotonic() - started:.1f} s", flush=True)
    return failed


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("scenes", nargs="*", help=", ".join(SCENES))
    parser.add_argument("--stride", type=int, default=1, help="2: every second k")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", ResourceWarning)
    end_well_on_sigterm()
    with World(functools.partial(Rill, config=CONFIG)) as world:
        planter = Planter(world)
        failed = sum(play_all(world, planter, name, kind, options.stride) for name in options.scenes or SCENES for kind in KINDS)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
