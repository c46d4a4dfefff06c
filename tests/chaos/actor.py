"""A person with dice: sends, stops, continues, regenerates, edits and deletes at random moments."""
from __future__ import annotations

import json
import random
from typing import Any

import gevent

from tests.chaos.person import Person
from tests.chaos.plan import STOP_AFTER_SECONDS, draw_question
from tests.chaos.record import Record, RunRecord
from tests.chaos.world import World


class Actor(Person):
    def __init__(self, world: World, name: str, rng: random.Random, record: Record, first_tag: int, scripts: dict[str, str], log: Any,
                 *, is_steady: bool = False) -> None:
        super().__init__(world, name, rng, record, first_tag, log)
        self._scripts = scripts
        self.greenlet = gevent.spawn(self._write_long if is_steady else self._run)

    # -- its day

    def _run(self) -> None:
        gevent.sleep(self.rng.uniform(0, 0.3))
        status, conversation = self.post("/api/conversations", {})
        if status != 201:
            return
        conversation_id = conversation["id"]
        self.record.kept_conversations.add(conversation_id)
        for _ in range(self.rng.randint(1, 3)):
            self._turn(conversation_id)
        if self.rng.random() < 0.25:
            self.delete(conversation_id)

    def _write_long(self) -> None:
        """One answer of some seconds that nobody stops or deletes: what happens to the server happens to it."""
        _, conversation = self.post("/api/conversations", {})
        self.record.kept_conversations.add(conversation["id"])
        spec = {"words": self.rng.randint(100, 250), "rate": 100, "seed": self.rng.randrange(10**6), "wide": True, "reasoning_words": 10}
        body = {"content": json.dumps(spec), "models": ["demo/numbers"], "params": {"temperature": next(self.tags) / 1e6}}
        status, answer = self.post(f"/api/conversations/{conversation['id']}/messages", body)
        if status == 202:
            run = self.note(answer["replies"][0], body, {"demo/numbers": spec})
            message = self.end_of(run)
            if message and message["status"] in ("failed", "interrupted") and (following := self.continue_(run, message)):
                self.end_of(following)

    def _turn(self, conversation_id: str) -> None:
        """A message and what is done to its replies; some are left running."""
        body, specs = self._asking(self.rng.choice((1, 1, 1, 2, 3)))
        status, answer = self.post(f"/api/conversations/{conversation_id}/messages", body)
        if status != 202:
            return
        runs = [self.note(reply, body, specs) for reply in answer["replies"]]
        doing = [gevent.spawn(self._accompany, run) for run in runs]
        if self.rng.random() < 0.3:
            gevent.sleep(self.rng.uniform(0, 0.3))
            self._ask_again(answer["user_message"]["id"], specs[body["models"][0]])
        if self.rng.random() < 0.2:
            self.request("PATCH", f"/api/conversations/{conversation_id}", {"title": f"Renamed by {self.name}"}, None)
        if self.rng.random() < 0.1:
            gevent.sleep(self.rng.uniform(0, 0.5))
            self.delete(conversation_id)
        gevent.joinall(doing, raise_error=True)

    def _ask_again(self, user_message_id: str, spec: dict[str, Any]) -> None:
        """Regenerate, or edit."""
        body, specs = self._asking(1)
        if self.rng.random() < 0.6:  # the same question for another reply
            route, specs = "replies", dict.fromkeys(specs, spec)
            del body["content"]
        else:
            route = "edit"
        status, answer = self.post(f"/api/messages/{user_message_id}/{route}", body)
        if status == 202:
            for reply in answer["replies"]:
                self._accompany(self.note(reply, body, specs))

    def _accompany(self, run: RunRecord) -> None:
        """Through its end, and through continuing it."""
        if self.rng.random() < 0.4:
            gevent.sleep(self.rng.choice(STOP_AFTER_SECONDS))
            self.stop(run)
        if self.rng.random() < 0.2:
            return
        for _ in range(2):
            message = self.end_of(run)
            if message is None or self.rng.random() < 0.5:
                return
            if message["status"] == "completed" and message["finish_reason"] != "length":
                return
            following = self.continue_(run, message)
            if following is None:
                return
            run = following
            if self.rng.random() < 0.3:
                gevent.sleep(self.rng.choice(STOP_AFTER_SECONDS))
                self.stop(run)


    def _asking(self, count: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """A body for `count` different models, and what each will say if it is the numbers."""
        content, spec, model = draw_question(self.rng, self._scripts)
        specs = {model: spec}
        while len(specs) < count:
            specs[draw_question(self.rng, self._scripts)[2]] = spec
        body = {"content": content, "models": list(specs), "params": {"temperature": next(self.tags) / 1e6},
                "stream": self.rng.random() > 0.1, "record": self.rng.random() < 0.1}
        return body, specs
