"""A person with dice: sends, stops, continues, regenerates, edits and deletes at random moments, and writes down what
was asked and answered. It repeats a request whose answer was lost, with the key it had.
"""
from __future__ import annotations

import contextlib
import random
import time
from typing import Any

import gevent
import requests

from tests.chaos.plan import STOP_AFTER_SECONDS, draw_question
from tests.chaos.record import CHANNELS, FINAL, Record, RunRecord
from tests.chaos.world import World

GIVE_UP_SECONDS = 15
PAUSE_SECONDS = 0.1  # before a refused or lost request is repeated
RUN_SECONDS = 14  # a tail of 10 s after the finish_reason is the longest that any limit allows


class Actor:
    def __init__(self, world: World, name: str, rng: random.Random, record: Record, first_tag: int, scripts: dict[str, str], log: Any) -> None:
        self._world, self._name, self._rng, self._record, self._scripts = world, name, rng, record, scripts
        self._log = log
        self._tags = iter(range(first_tag, first_tag + 1000))
        self._keys = 0
        self._api: Any = None
        self.greenlet = gevent.spawn(self._run)

    # -- its day

    def _run(self) -> None:
        self._api = self._world.rill.api()
        gevent.sleep(self._rng.uniform(0, 0.3))
        status, conversation = self._post("/api/conversations", {})
        if status != 201:
            return
        conversation_id = conversation["id"]
        self._record.kept_conversations.add(conversation_id)
        for _ in range(self._rng.randint(1, 3)):
            self._turn(conversation_id)
        if self._rng.random() < 0.25:
            self._delete(conversation_id)

    def _turn(self, conversation_id: str) -> None:
        """A message and what is done to its replies; some are left running."""
        body, specs = self._asking(self._rng.choice((1, 1, 1, 2, 3)))
        status, answer = self._post(f"/api/conversations/{conversation_id}/messages", body)
        if status != 202:
            return
        runs = [self._note(reply, body, specs) for reply in answer["replies"]]
        doing = [gevent.spawn(self._accompany, run) for run in runs]
        if self._rng.random() < 0.3:
            gevent.sleep(self._rng.uniform(0, 0.3))
            self._ask_again(answer["user_message"]["id"], specs[body["models"][0]])
        if self._rng.random() < 0.1:
            gevent.sleep(self._rng.uniform(0, 0.5))
            self._delete(conversation_id)
        gevent.joinall(doing, raise_error=True)

    def _ask_again(self, user_message_id: str, spec: dict[str, Any]) -> None:
        """Regenerate, or edit."""
        body, specs = self._asking(1)
        if self._rng.random() < 0.6:  # the same question for another reply
            route, specs = "replies", dict.fromkeys(specs, spec)
            del body["content"]
        else:
            route = "edit"
        status, answer = self._post(f"/api/messages/{user_message_id}/{route}", body)
        if status == 202:
            for reply in answer["replies"]:
                self._accompany(self._note(reply, body, specs))

    def _accompany(self, run: RunRecord) -> None:
        """Through its end, and through continuing it."""
        if self._rng.random() < 0.4:
            gevent.sleep(self._rng.choice(STOP_AFTER_SECONDS))
            self._stop(run)
        if self._rng.random() < 0.2:
            return
        for _ in range(2):
            message = self._end_of(run)
            if message is None or self._rng.random() < 0.5:
                return
            if message["status"] == "completed" and message["finish_reason"] != "length":
                return
            following = self._continue(run, message)
            if following is None:
                return
            run = following
            if self._rng.random() < 0.3:
                gevent.sleep(self._rng.choice(STOP_AFTER_SECONDS))
                self._stop(run)

    # -- requests

    def _asking(self, count: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """A body for `count` different models, and what each will say if it is the numbers."""
        content, spec, model = draw_question(self._rng, self._scripts)
        specs = {model: spec}
        while len(specs) < count:
            specs[draw_question(self._rng, self._scripts)[2]] = spec
        body = {"content": content, "models": list(specs), "params": {"temperature": next(self._tags) / 1e6},
                "stream": self._rng.random() > 0.1, "record": self._rng.random() < 0.1}
        return body, specs

    def _note(self, reply: dict[str, Any], body: dict[str, Any], specs: dict[str, Any]) -> RunRecord:
        run = RunRecord(reply["id"], reply["conversation_id"], body["params"]["temperature"], reply["model"], self._asked_at,
                        dict.fromkeys(CHANNELS, ""), specs.get(reply["model"]))
        self._record.runs.append(run)
        self._log(self._name, f"reply {run.message_id} tag {run.tag:.6f} of {run.model}")
        return run

    def _stop(self, run: RunRecord) -> None:
        run.stopped_at = run.stopped_at or time.monotonic()
        for _ in range(self._rng.choice((1, 1, 2))):
            status, _answer = self._post(f"/api/messages/{run.message_id}/stop", None)
            self._log(self._name, f"stop {run.message_id}: {status}")

    def _continue(self, run: RunRecord, message: dict[str, Any]) -> RunRecord | None:
        tag = next(self._tags) / 1e6
        status, _answer = self._post(f"/api/messages/{run.message_id}/continue", {"params": {"temperature": tag}})
        if status != 202:
            return None
        run.after = message
        following = RunRecord(run.message_id, run.conversation_id, tag, run.model, self._asked_at,
                              {channel: message[channel] for channel in CHANNELS}, run.spec)
        self._record.runs.append(following)
        self._log(self._name, f"continue {run.message_id} tag {tag:.6f} from {len(message['content'])}")
        return following

    def _delete(self, conversation_id: str) -> None:
        self._record.discarded.setdefault(conversation_id, time.monotonic())
        self._record.kept_conversations.discard(conversation_id)
        status = self._request("DELETE", f"/api/conversations/{conversation_id}", None, None).status_code
        self._log(self._name, f"delete {conversation_id}: {status}")
        if status in (204, 404):
            self._record.deleted.setdefault(conversation_id, time.monotonic())

    def _end_of(self, run: RunRecord) -> dict[str, Any] | None:
        give_up_at = time.monotonic() + RUN_SECONDS
        while time.monotonic() < give_up_at:
            answer = self._request("GET", f"/api/messages/{run.message_id}", None, None)
            if answer.status_code == 404:
                return None
            if answer.status_code == 200 and (message := answer.json())["status"] in FINAL:
                return message
            gevent.sleep(0.03)
        self._record.troubles.append(f"{run.message_id} did not end within {RUN_SECONDS} s")
        return None

    def _post(self, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        """With a key; now and then sent twice at once, or let go of before the answer comes, and sent again."""
        key = None
        if body is not None:
            self._keys += 1
            key = f"{self._name}-{self._keys}"
        self._asked_at = time.monotonic()
        lot = self._rng.random()
        asked_at = self._asked_at
        if key and lot < 0.12:
            answers = [job.get() for job in [gevent.spawn(self._request, "POST", path, body, key) for _ in range(2)]]
            self._compare(path, *answers)
        elif key and lot < 0.22:
            self._let_go(path, body, key)
            answers = [self._request("POST", path, body, key)]
        else:
            answers = [self._request("POST", path, body, key)]
        self._asked_at = asked_at
        answer = answers[0]
        if answer.status_code >= 300:
            self._log(self._name, f"POST {path}: {answer.status_code} {answer.text[:200]}")
            if answer.status_code not in (404, 409):
                self._record.troubles.append(f"POST {path} was answered with {answer.status_code}: {answer.text[:300]}")
            if body and "params" in body:
                self._record.refused_tags.append(body["params"]["temperature"])
        return answer.status_code, answer.json()

    def _compare(self, path: str, first: requests.Response, second: requests.Response) -> None:
        """One key, one deed."""
        if not first.ok or not second.ok:
            return
        named = [_ids(answer.json()) for answer in (first, second)]
        if named[0] != named[1]:
            self._record.troubles.append(f"POST {path} twice with one key made {named[0]} and {named[1]}")

    def _let_go(self, path: str, body: Any, key: str) -> None:
        """Hang up while the answer may be on its way."""
        headers = {"X-CSRF-Token": self._api.token, "Idempotency-Key": key}
        with gevent.Timeout(self._rng.choice((0.002, 0.005, 0.01)), False), contextlib.suppress(requests.RequestException):
            requests.post(self._world.rill.url + path, json=body, headers=headers, cookies=self._api.http.cookies, timeout=5)

    def _request(self, method: str, path: str, body: Any, key: str | None) -> requests.Response:
        """Until somebody answers: a server that was killed comes back."""
        give_up_at = time.monotonic() + GIVE_UP_SECONDS
        while True:
            try:
                answer = self._api.request(method, path, body, key=key)
                self._record.places[f"answers of {self._name}"] = self._record.places.get(f"answers of {self._name}", b"") + answer.content
                if answer.status_code != 503 or time.monotonic() > give_up_at:
                    return answer
            except requests.RequestException as error:
                if time.monotonic() > give_up_at:
                    raise
                self._log(self._name, f"{method} {path}: {type(error).__name__}")
            gevent.sleep(PAUSE_SECONDS)


def _ids(answer: dict[str, Any]) -> Any:
    if "id" in answer:
        return answer["id"]
    return {name: [one["id"] for one in made] if isinstance(made, list) else made["id"] for name, made in answer.items()}
