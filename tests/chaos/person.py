"""A person who uses the API and writes down what was asked and answered. A request whose answer was lost is repeated with
the key it had. What a person does, and when, others decide (`actor.py` by dice, the k-th failing call by a script).
"""
from __future__ import annotations

import contextlib
import random
import time
from typing import Any

import gevent
import requests

from tests.api_client import Api
from tests.chaos.record import CHANNELS, FINAL, Record, RunRecord
from tests.chaos.world import World

GIVE_UP_SECONDS = 15
PAUSE_SECONDS = 0.1  # before a refused or lost request is repeated
RUN_SECONDS = 14  # a tail of 10 s after the finish_reason is the longest that any limit allows


class Person:
    """`mischief`: how often it sends twice at once, or hangs up before the answer."""

    def __init__(self, world: World, name: str, rng: random.Random, record: Record, first_tag: int, log: Any, *, mischief: float = 0.11) -> None:
        self.world, self.name, self.rng, self.record, self.log = world, name, rng, record, log
        self.tags = iter(range(first_tag, first_tag + 1000))
        self._mischief = mischief
        self._keys = 0
        self._asked_at = 0.0
        self._api: Api | None = None

    def note(self, reply: dict[str, Any], body: dict[str, Any], specs: dict[str, Any]) -> RunRecord:
        run = RunRecord(reply["id"], reply["conversation_id"], body["params"]["temperature"], reply["model"], self._asked_at,
                        dict.fromkeys(CHANNELS, ""), specs.get(reply["model"]))
        self.record.runs.append(run)
        self.log(self.name, f"reply {run.message_id} tag {run.tag:.6f} of {run.model}")
        return run

    def stop(self, run: RunRecord) -> None:
        run.stopped_at = run.stopped_at or time.monotonic()
        for _ in range(self.rng.choice((1, 1, 2))):
            status, _answer = self.post(f"/api/messages/{run.message_id}/stop", None)
            self.log(self.name, f"stop {run.message_id}: {status}")

    def continue_(self, run: RunRecord, message: dict[str, Any]) -> RunRecord | None:
        tag = next(self.tags) / 1e6
        status, _answer = self.post(f"/api/messages/{run.message_id}/continue", {"params": {"temperature": tag}})
        if status != 202:
            return None
        run.after = message
        following = RunRecord(run.message_id, run.conversation_id, tag, run.model, self._asked_at,
                              {channel: message[channel] for channel in CHANNELS}, run.spec)
        self.record.runs.append(following)
        self.log(self.name, f"continue {run.message_id} tag {tag:.6f} from {len(message['content'])}")
        return following

    def delete(self, conversation_id: str, *, is_patient: bool = True) -> bool:
        """Whether it is gone."""
        self.record.discarded.setdefault(conversation_id, time.monotonic())
        self.record.kept_conversations.discard(conversation_id)
        status = self.request("DELETE", f"/api/conversations/{conversation_id}", None, None, is_patient=is_patient).status_code
        self.log(self.name, f"delete {conversation_id}: {status}")
        if status in (204, 404):
            self.record.deleted.setdefault(conversation_id, time.monotonic())
        return status in (204, 404)

    def end_of(self, run: RunRecord) -> dict[str, Any] | None:
        give_up_at = time.monotonic() + RUN_SECONDS
        while time.monotonic() < give_up_at:
            answer = self.request("GET", f"/api/messages/{run.message_id}", None, None)
            if answer.status_code == 404:
                return None
            if answer.status_code == 200 and (message := answer.json())["status"] in FINAL:
                return message
            gevent.sleep(0.03)
        self.record.troubles.append(f"{run.message_id} did not end within {RUN_SECONDS} s")
        return None

    def post(self, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        """With a key; now and then sent twice at once, or let go of before the answer comes, and sent again."""
        key = None
        if body is not None:
            self._keys += 1
            key = f"{self.name}-{self._keys}"
        self._asked_at = time.monotonic()
        lot = self.rng.random() / self._mischief if self._mischief else 2.0
        asked_at = self._asked_at
        if key and lot < 1:
            answers = [job.get() for job in [gevent.spawn(self.request, "POST", path, body, key) for _ in range(2)]]
            self._compare(path, *answers)
            answers.sort(key=lambda answer: not answer.ok)  # one refused, for what was over when the other was tried: it was done
        elif key and self._api and lot < 2:
            self._let_go(path, body, key)
            answers = [self.request("POST", path, body, key)]
        else:
            answers = [self.request("POST", path, body, key)]
        self._asked_at = asked_at
        answer = answers[0]
        if answer.status_code >= 300:
            self.log(self.name, f"POST {path}: {answer.status_code} {answer.text[:200]}")
            if answer.status_code not in (404, 409):
                self.record.troubles.append(f"POST {path} was answered with {answer.status_code}: {answer.text[:300]}")
            if body and "params" in body and answer.status_code != 404:  # deleted since: an earlier try may have been accepted
                self.record.refused_tags.append(body["params"]["temperature"])
        return answer.status_code, answer.json()

    def _compare(self, path: str, first: requests.Response, second: requests.Response) -> None:
        """One key, one deed."""
        if not first.ok or not second.ok:
            return
        named = [_ids(answer.json()) for answer in (first, second)]
        if named[0] != named[1]:
            self.record.troubles.append(f"POST {path} twice with one key made {named[0]} and {named[1]}")

    def _let_go(self, path: str, body: Any, key: str) -> None:
        """Hang up while the answer may be on its way."""
        headers = {"X-CSRF-Token": self._api.token, "Idempotency-Key": key}
        with gevent.Timeout(self.rng.choice((0.002, 0.005, 0.01)), False), contextlib.suppress(requests.RequestException):
            requests.post(self.world.rill.url + path, json=body, headers=headers, cookies=self._api.http.cookies, timeout=5)

    def request(self, method: str, path: str, body: Any, key: str | None, *, is_patient: bool = True) -> requests.Response:
        """Until somebody answers: a server that was killed comes back."""
        give_up_at = time.monotonic() + GIVE_UP_SECONDS
        while True:
            try:
                self._api = self._api or self.world.rill.api()
                answer = self._api.request(method, path, body, key=key)
                place = f"answers of {self.name}"
                self.record.places[place] = self.record.places.get(place, b"") + answer.content
                if not is_patient or not self._passes(answer) or time.monotonic() > give_up_at:
                    return answer
            except (requests.RequestException, KeyError) as error:  # KeyError: a session that was refused has no token
                if time.monotonic() > give_up_at:
                    raise
                self.log(self.name, f"{method} {path}: {type(error).__name__}")
            gevent.sleep(PAUSE_SECONDS)

    def _passes(self, answer: requests.Response) -> bool:
        """A refusal that is over in a moment; with a broken database also those that must not be otherwise."""
        return answer.status_code == 503 or (answer.status_code in (500, 507) and self.record.storage_faults > 0)


def _ids(answer: dict[str, Any]) -> Any:
    if "id" in answer:
        return answer["id"]
    return {name: [one["id"] for one in made] if isinstance(made, list) else made["id"] for name, made in answer.items()}
