"""Plays one seed in a world and hands what was observed to the checker: players, incidents, then calm, then evidence."""
from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import requests

from tests.chaos.actor import Actor
from tests.chaos.checker import Violation, check
from tests.chaos.plan import FEED_HARMS, UPSTREAM_HARMS, Plan, dice, draw_plan, harms, scripts
from tests.chaos.reader import Reader
from tests.chaos.record import Record
from tests.chaos.witness import read_answer
from tests.chaos.world import CONTENT_TIMEOUT_SECONDS, GRACE_SECONDS, KEY, World

ACTORS_SECONDS = 60
RUNS_SECONDS = 15
READERS_SECONDS = 10
CLOSING_SECONDS = 3.5
UP_SECONDS = 20
TEXT_SECONDS = 1.5
JUST_NOW_SECONDS = 0.05
TAGS_PER_ACTOR = 1000
JSON_COLUMNS = ("error",)


class Episode:
    def __init__(self, world: World, seed: int) -> None:
        self.world, self.seed = world, seed
        self.record = Record(seed, KEY, CONTENT_TIMEOUT_SECONDS, grace_seconds=GRACE_SECONDS)
        self.events: list[tuple[float, str, str]] = []
        self._log_start = world.rill.log_path.stat().st_size
        self._is_up = True

    def log(self, who: str, what: str) -> None:
        self.events.append((time.monotonic(), who, what))

    def play(self) -> list[Violation]:
        plan, world = draw_plan(self.seed), self.world
        self.log("plan", str(plan))
        world.forget()
        models = {name: world.standin.script(name, **script) for name, script in scripts(KEY).items()}
        world.set_harms(harms(self.seed, "upstream", UPSTREAM_HARMS), harms(self.seed, "feeds", FEED_HARMS))
        readers = [Reader(world, f"reader {n}", dice(self.seed, f"reader {n}"), self.log) for n in range(plan.readers)]
        actors = [Actor(world, f"actor {n} of {self.seed}", dice(self.seed, f"actor {n}"), self.record, 1 + n * TAGS_PER_ACTOR, models, self.log)
                  for n in range(plan.actors)]
        if plan.incident != "none":
            name, lots = f"steady actor of {self.seed}", dice(self.seed, "steady actor")
            actors.append(Actor(world, name, lots, self.record, 1 + plan.actors * TAGS_PER_ACTOR, models, self.log, is_steady=True))
        incident = gevent.spawn(self._incident, plan, readers)
        gevent.joinall([incident, *(actor.greenlet for actor in actors)], timeout=ACTORS_SECONDS, raise_error=True)
        world.set_harms()
        self._wait_for_runs()
        for reader in readers:
            reader.calm_down()
        for reader in readers:
            if not reader.wait(READERS_SECONDS):
                self.record.troubles.append(f"{reader.record.name} did not come to rest: it waits for {reader.held.cursor()}")
        self._wait_for_closing()
        self.record.readers = [reader.record for reader in readers]
        self._collect()
        return check(self.record)

    # -- what happens to the server

    def _incident(self, plan: Plan, readers: list[Reader]) -> None:
        """At its time; and then as soon as text is on its way, for that is when it hurts."""
        gevent.sleep(plan.incident_after)
        self._wait_until(lambda: any(time.monotonic() - reader.text_at < JUST_NOW_SECONDS for reader in readers), TEXT_SECONDS)
        self.log("incident", plan.incident)
        match plan.incident:
            case "lock":
                self._lock(plan.incident_seconds + 0.3)
            case "term":
                self._terminate(plan.incident_seconds)
            case "upstream gone":
                self.world.upstream.be_gone(plan.incident_seconds + 0.2)
            case "kill worker":
                self._kill_worker()
            case "kill master":
                self._kill_master()
            case "kill" | "kill twice":
                self._kill(plan.incident_seconds)
                if plan.incident == "kill twice":
                    gevent.sleep(0.3)
                    self._kill(0)
        self.log("incident", "over")

    def _kill(self, down_seconds: float) -> None:
        self.record.kills.append(time.monotonic())
        self.world.rill.kill()
        gevent.sleep(down_seconds)
        self.world.rill.start()

    def _kill_worker(self) -> None:
        """Out of memory, as it were: the master makes another one."""
        self.record.kills.append(time.monotonic())
        os.kill(self.world.rill.worker_pid(), signal.SIGKILL)
        self._wait_until(self.world.rill.answers, UP_SECONDS)

    def _kill_master(self) -> None:
        """The worker notices that it is an orphan and ends what it does; then a new server takes over."""
        worker = self.world.rill.worker_pid()
        self.record.kills.append(time.monotonic())
        self.world.rill.process.kill()
        self.world.rill.wait()
        self._wait_until(lambda: not Path(f"/proc/{worker}").exists(), UP_SECONDS)
        self.record.kills.append(time.monotonic())  # until then it took new messages
        self.world.rill.start()

    def _terminate(self, down_seconds: float) -> None:
        asked_at = self.world.rill.terminate()
        code = self.world.rill.wait()
        self.record.shutdowns.append((asked_at, time.monotonic(), code))
        self.log("incident", f"gone with {code}")
        gevent.sleep(down_seconds)
        self.world.rill.start()

    def _lock(self, seconds: float) -> None:
        """Another program holds the database."""
        with contextlib.closing(sqlite3.connect(self.world.folder / "data" / "rill.db", isolation_level=None, timeout=0.001)) as other:
            for _ in range(200):
                with contextlib.suppress(sqlite3.OperationalError):
                    other.execute("BEGIN IMMEDIATE")
                    break
                gevent.sleep(0.005)
            gevent.sleep(seconds)

    # -- until everything rests

    def _wait_until(self, is_so: Callable[[], bool], seconds: float) -> None:
        give_up_at = time.monotonic() + seconds
        while not is_so() and time.monotonic() < give_up_at:
            gevent.sleep(0.02)

    def _wait_for_runs(self) -> None:
        self._wait_until(lambda: not self._query("SELECT 1 FROM messages WHERE finished_at IS NULL"), RUNS_SECONDS)

    def _wait_for_closing(self) -> None:
        """An exchange that said its end may stay open for the next; any other must be let go of."""
        def is_closed() -> bool:
            return all(one.asker_closed_at or not one.asked.startswith(b"POST") or _is_over(one) for one in self.world.upstream.exchanges)
        self._wait_until(is_closed, CLOSING_SECONDS)

    # -- evidence

    def _query(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """By a connection of our own that cannot write."""
        uri = f"file:{self.world.folder / 'data' / 'rill.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

    def _collect(self) -> None:
        record, world = self.record, self.world
        api = world.rill.api()
        for conversation_id in sorted({run.conversation_id for run in record.runs} | record.kept_conversations):
            answer = api.request("GET", f"/api/conversations/{conversation_id}")
            record.places[f"conversation {conversation_id}"] = answer.content
            if answer.status_code == 200:
                record.messages |= {message["id"]: message for message in answer.json()["messages"]}
                record.revision = answer.json()["revision"]
            for row in self._query("SELECT * FROM messages WHERE conversation_id = ? AND deleted_at IS NULL", conversation_id):
                record.rows[row["id"]] = {**row, **{name: row[name] and json.loads(row[name]) for name in JSON_COLUMNS}}
        last = {run.message_id: run for run in record.runs}
        for run in last.values():
            run.after = record.messages.get(run.message_id)
        record.stray_text = self._query(
            "SELECT count(*) AS n FROM journal WHERE NOT EXISTS (SELECT * FROM messages WHERE finished_at IS NULL)")[0]["n"]
        record.exchanges = [one for one in world.upstream.exchanges if one.asked.startswith(b"POST")]
        record.ledger = world.standin.ledger()
        record.lag_seconds = world.lag_seconds + world.starved_seconds
        record.log = self._server_log()
        record.places |= {f"feed {n}": b"".join(data for _, data in one.answered) for n, one in enumerate(world.feeds.exchanges)}
        record.places |= {"the log": record.log.encode(), "the command line": world.command_lines(), **world.data_files(),
                          "the page": requests.get(f"{world.rill.url}/", timeout=10).content}
        record.ended_at = time.monotonic()

    def _server_log(self) -> str:
        with self.world.rill.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def story(self) -> str:
        """Everything that happened, in order, for whoever reads a failing seed."""
        lines = [*self.events]
        for exchange in self.world.upstream.exchanges:
            said = read_answer(b"".join(data for _, data in exchange.answered))
            asked = json.loads(exchange.asked.partition(b"\r\n\r\n")[2] or b"{}") if exchange.asked.startswith(b"POST") else {}
            name = f"call tag {asked.get('temperature', 0):.6f} of {asked.get('model')}"
            lines.append((exchange.asked_at, name, f"asked; {exchange.harm}"))
            for what, at in (("struck", exchange.struck_at), ("ended by the upstream", exchange.ended_at), ("closed by the server", exchange.asker_closed_at)):
                if at is not None:
                    lines.append((at, name, what))
            if exchange.answered:
                lines.append((exchange.answered[0][0], name, "first bytes"))
                lines.append((exchange.answered[-1][0], name, f"last bytes: status {said.status}, {len(said.texts['content'])} characters, "
                              f"{len(said.texts['reasoning'])} of reasoning, finish {said.finish_reason}, complete {said.is_complete}"))
        for message in self.record.messages.values():
            if message["role"] == "assistant":
                lines.append((self.record.ended_at, "end", f"{message['id']} {message['status']} {message['finish_reason']} "
                              f"{len(message['content'])}+{len(message['reasoning'])} {message['error']}"))
        start = min(at for at, _, _ in lines)
        return "\n".join(f"{at - start:8.3f} ({at:.3f}) {who}: {what}" for at, who, what in sorted(lines))


def _is_over(exchange: Any) -> bool:
    return read_answer(b"".join(data for _, data in exchange.answered)).is_over
