"""A better title, by a model: after the first answer of a conversation, when a title model is set.

Until then, and when anything goes wrong, the first words of the question are the title (models.title_from). It is asked
without streaming, for a few words, at most twice; and its answer counts only while the title is still the automatic one,
so a person's own choice is never overwritten. What it costs goes into the ledger as the cost of a title.

It makes no reply and holds nothing up. Built by parts.py; the engine tells of ended runs.
"""
from __future__ import annotations

import logging
import re
from dataclasses import dataclass

import gevent
from gevent.pool import Pool

from rill import charges, store
from rill.chunks import Delta, Finish, Meta
from rill.db import Database
from rill.errors import NotFound, RequestError, UpstreamError
from rill.hub import Hub
from rill.modellist import ModelList
from rill.models import Message, Usage, title_from
from rill.replies import conversation_event
from rill.run import Run
from rill.zenmux import ChatRequest, ZenMux

log = logging.getLogger(__name__)

AT_ONCE = 2
LIMIT_SECONDS = 60.0
AGAIN_SECONDS = 3.0
QUOTED_CHARS = 1500  # of the question, and of the answer
TITLE_CHARS = 60
TITLE_TOKENS = 60
THINKING_TOKENS = 2000  # for a model that cannot be told not to think

INSTRUCTIONS = (
    "You name conversations. Answer with the title of the conversation below and nothing else: at most six words, in the language "
    "in which the question is written, no quotation marks, no full stop, no Markdown. Do not answer the question."
)
QUOTES = "\"'`*_#“”„‟‘’‚«»‹›「」『』《》〈〉"
LABEL = re.compile(r"^(title|标题|題名)\s*[:：]\s*", re.IGNORECASE)


@dataclass(slots=True)
class Said:
    """What one call gave, as far as it came."""

    text: str = ""
    generation_id: str | None = None
    usage: dict | None = None


class Titles:
    """`model` None: off."""

    def __init__(self, db: Database, hub: Hub, upstream: ZenMux, models: ModelList, model: str | None) -> None:
        self._db, self._hub, self._upstream, self._models, self._model = db, hub, upstream, models, model
        self._asking = Pool(AT_ONCE)
        self._tried: set[str] = set()  # conversations

    def run_ended(self, run: Run) -> None:
        """Told of every run; returns at once."""
        message = run.message
        if self._model is None or run.ending.status != "completed" or run.discarded or message.conversation_id in self._tried:
            return
        self._tried.add(message.conversation_id)
        gevent.spawn(self._queue, message)

    def stop(self) -> None:
        """Also those that wait for their turn; a title is not worth a second of a shutdown."""
        self._model = None
        self._asking.kill(block=False)

    def _queue(self, message: Message) -> None:
        self._asking.spawn(self._work, message)  # waits for a place

    def _work(self, reply: Message) -> None:
        model = self._model
        if model is None:
            return
        try:
            if automatic := self._automatic_title(reply):
                title = self._ask(model, reply, self._question(reply))
                if title:
                    self._set(reply, automatic, title)
        except (RequestError, UpstreamError) as error:
            log.info("title: conversation=%s error=%s status=%s", reply.conversation_id, error.type, error.status)
        except Exception:
            log.exception("title: conversation=%s failed", reply.conversation_id)

    # -- whether there is anything to do

    def _question(self, reply: Message) -> str:
        with self._db.read() as tx:
            return store.get_message(tx, reply.user_id, reply.parent_id).content

    def _automatic_title(self, reply: Message) -> str | None:
        """The title that its first words gave it; None when a person chose another, or this is not the first answer."""
        try:
            with self._db.read() as tx:
                title = store.get_conversation(tx, reply.user_id, reply.conversation_id).title
                said = store.conversation_messages(tx, reply.user_id, reply.conversation_id)
        except NotFound:
            return None
        completed = [one for one in said if one.role == "assistant" and one.status == "completed" and one.content]
        firsts = {title_from(one.content) for one in said if one.role == "user" and one.parent_id is None}
        return title if title in firsts and [one.id for one in completed] == [reply.id] else None

    # -- asking

    def _ask(self, model: str, reply: Message, question: str) -> str:
        """The title, or nothing. The second try is for what may pass, and for a model that thinks whatever it is told."""
        quoted = f"Question:\n{question[:QUOTED_CHARS]}\n\nAnswer:\n{reply.content[:QUOTED_CHARS]}"
        messages = [{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": quoted}]
        info = self._models.find(model)
        thinks = info is not None and info.reasoning
        first = {"max_completion_tokens": TITLE_TOKENS, **({"reasoning_effort": "none"} if thinks else {})}
        try:
            if title := self._call(ChatRequest(model, messages, first, stream=False), reply):
                return title
        except UpstreamError as error:
            may_pass = error.status in (400, 422) and thinks or error.retryable
            if not may_pass:
                raise
            gevent.sleep(AGAIN_SECONDS)
        return self._call(ChatRequest(model, messages, {"max_completion_tokens": THINKING_TOKENS}, stream=False), reply)

    def _call(self, request: ChatRequest, reply: Message) -> str:
        """One call; what it cost is noted however it ends."""
        said = Said()
        stream = self._upstream.stream_chat(request)
        try:
            with gevent.Timeout(LIMIT_SECONDS, False):
                for event in stream:
                    if type(event) is Delta and event.channel == "content":
                        said.text += event.text
                    elif type(event) is Meta:
                        said.generation_id = event.generation_id
                    elif type(event) is Finish:
                        said.usage = event.usage
        finally:
            stream.close()
            self._note_cost(request.model, reply, said)
        return clean_title(said.text)

    def _note_cost(self, model: str, reply: Message, said: Said) -> None:
        if said.generation_id is None and said.usage is None:
            return
        with self._db.write() as tx:
            charges.add(tx, reply.user_id, purpose=charges.TITLE, conversation_id=reply.conversation_id, model=model,
                        generation_id=said.generation_id, usage=Usage.from_upstream(said.usage),
                        amount=self._models.estimate(model, said.usage))

    def _set(self, reply: Message, automatic: str, title: str) -> None:
        with self._db.write() as tx:
            if store.get_conversation(tx, reply.user_id, reply.conversation_id).title != automatic:
                return  # renamed meanwhile
            conversation = store.update_conversation(tx, reply.user_id, reply.conversation_id, title=title)
            event = conversation_event(tx, conversation)
        self._hub.tell(reply.user_id, event)


def clean_title(text: str) -> str:
    """One line without quotes, marks and full stop, of at most TITLE_CHARS; empty when there is nothing in it."""
    lines = [line for raw in text.splitlines() if (line := "".join(c for c in raw if c.isprintable()).strip())]
    title = LABEL.sub("", lines[0].strip(QUOTES + " ")) if lines else ""
    title = title.strip(QUOTES + " ").rstrip(".。 ").strip(QUOTES + " ")
    return title_from(title)
