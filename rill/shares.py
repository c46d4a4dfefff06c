"""Read-only links: one branch of a conversation as it was when the link was made, for whoever has the link.

A share names messages and how much of each there was; it copies no text, so that a message that goes is gone here too, and
one that grows on, or comes later, is not shown. A link's token is the share's id and a mark that only this server's secret
key can make: neither is enough alone, the token is stored nowhere, and a link can be shown again. With RILL_SECRET_KEY set,
who has the database (which holds the conversation itself) still cannot open a link; a new key ends all links.

`read_share`, `read_title` and `read_file` are the functions here that ask for no owner: what they give is meant for anybody. A file of a
shared message is known to strangers by its place in the share alone.
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from rill import attachments, store
from rill.errors import Conflict, NotFound
from rill.models import FINISHED, Conversation, Message, new_id, utc_now
from rill.schema import messages, shares
from rill.turns import paced

ID_CHARS = 22
MARK_CHARS = 22  # of base64: 132 bits
MAX_SHARES = 100  # of one conversation
NUMBER = re.compile(r"[1-9][0-9]{0,4}")  # of a file, from 1 on
# What a link keeps of each message, measured where it is: SQLite counts code points too.
_LENGTHS = select(
    messages.c.id, messages.c.parent_id, messages.c.status,
    func.length(messages.c.content).label("content"), func.length(messages.c.reasoning).label("reasoning"),
).where(messages.c.conversation_id == bindparam("one"), messages.c.user_id == bindparam("owner"), messages.c.deleted_at.is_(None))
_FILES = select(messages.c.id, messages.c.attachments).where(
    messages.c.conversation_id == bindparam("one"), messages.c.user_id == bindparam("owner"), messages.c.deleted_at.is_(None))
FILE_WORDS = ("name", "kind", "media_type", "size", "width", "height", "pages")

GONE = "This link leads nowhere. It may have been revoked, or the conversation was deleted; ask whoever sent it for a new one."
NO_SHARE = "There is no such link, or it was revoked already."
NOTHING_YET = "There is nothing to share in this conversation yet."
STILL_WRITING = "An answer in this conversation is still being written. Share it when it has ended, or stop it first."
TOO_MANY = f"This conversation has {MAX_SHARES} links. Revoke one that is not needed any more."


@dataclass(frozen=True, slots=True)
class Share:
    seq: int
    id: str
    user_id: str
    conversation_id: str
    title: str
    branch: list[list[Any]]
    reasoning: bool
    attachments: bool
    created_at: str

    def as_dict(self, secret: str) -> dict[str, Any]:
        """For its owner."""
        token = token_of(self.id, secret)
        return {"id": self.id, "token": token, "url": f"/s/{token}", "reasoning": self.reasoning, "attachments": self.attachments,
                "message_count": len(self.branch), "created_at": self.created_at}


def token_of(share_id: str, secret: str) -> str:
    mark = hmac.digest(secret.encode(), f"rill share {share_id}".encode(), hashlib.sha256)
    return share_id + base64.urlsafe_b64encode(mark).decode()[:MARK_CHARS]


def create_share(tx: Connection, user_id: str, conversation: Conversation, *, reasoning: bool, attachments: bool) -> Share:
    """Of the branch that is shown now. Raises Conflict."""
    shown = store.branch_to(tx.execute(_LENGTHS, {"one": conversation.id, "owner": user_id}), conversation.head_id)
    if not shown:
        raise Conflict(NOTHING_YET)
    if not all(message.status in FINISHED for message in shown):
        raise Conflict(STILL_WRITING)
    if len(list_shares(tx, user_id, conversation.id)) >= MAX_SHARES:
        raise Conflict(TOO_MANY)
    return Share(*tx.execute(insert(shares).values(
        id=new_id(), user_id=user_id, conversation_id=conversation.id, title=conversation.title, reasoning=reasoning, attachments=attachments,
        branch=[[message.id, message.content, message.reasoning] for message in shown], created_at=utc_now(),
    ).returning(*shares.c)).one())


def list_shares(tx: Connection, user_id: str, conversation_id: str) -> list[Share]:
    """Newest first."""
    wanted = select(shares).where(shares.c.user_id == user_id, shares.c.conversation_id == conversation_id)
    return [Share(*row) for row in tx.execute(wanted.order_by(shares.c.seq.desc()))]


def get_share(tx: Connection, user_id: str, share_id: str) -> Share:
    return _one(tx.execute(select(shares).where(shares.c.id == share_id, shares.c.user_id == user_id)).first(), NO_SHARE)


def delete_share(tx: Connection, user_id: str, share_id: str) -> None:
    if not tx.execute(delete(shares).where(shares.c.id == share_id, shares.c.user_id == user_id)).rowcount:
        raise NotFound(NO_SHARE)


def _one(row: Any, sentence: str) -> Share:
    if row is None:
        raise NotFound(sentence)
    return Share(*row)


# ---- for whoever has the link

def read_share(tx: Connection, token: str, secret: str) -> dict[str, Any]:
    """What the link shows: words, names of models, sources and files. No ids, no owner, no costs, no settings. Raises NotFound, and
    tells by nothing whether a link ever was."""
    share = _opened(tx, token, secret)
    by_id = {message.id: message for message in paced(store.each_message(tx, share.user_id, share.conversation_id))}
    _check_whole(share, by_id)
    numbers = count(1)
    return {"title": share.title, "shared_at": share.created_at,
            "messages": [_shown(by_id[message_id], content, reasoning, share, numbers) for message_id, content, reasoning in paced(share.branch)]}


def read_title(tx: Connection, token: str, secret: str) -> str:
    """Raises NotFound where `read_share` does."""
    share = _opened(tx, token, secret)
    _check_whole(share, _files_of(tx, share))
    return share.title


def read_file(tx: Connection, token: str, secret: str, number: str) -> tuple[str, dict[str, Any]]:
    """Whose it is, and the description of the file with this number among those that the link shows. Raises NotFound as
    `read_share` does, also for a link that shows no files."""
    share = _opened(tx, token, secret)
    of_message = _files_of(tx, share)
    _check_whole(share, of_message)
    shown = [one for message_id, _, _ in share.branch for one in of_message[message_id]] if share.attachments else []
    if not NUMBER.fullmatch(number) or int(number) > len(shown):
        raise NotFound(GONE)
    wanted = shown[int(number) - 1]["id"]
    found = attachments.existing(tx, share.user_id, [wanted])
    if wanted not in found:
        raise NotFound(GONE)
    return share.user_id, found[wanted]


def _opened(tx: Connection, token: str, secret: str) -> Share:
    share_id = token[:ID_CHARS]
    if not hmac.compare_digest(token.encode(), token_of(share_id, secret).encode()):
        raise NotFound(GONE)
    share = _one(tx.execute(select(shares).where(shares.c.id == share_id)).first(), GONE)
    try:
        store.get_conversation(tx, share.user_id, share.conversation_id)
    except NotFound:
        raise NotFound(GONE) from None
    return share


def _files_of(tx: Connection, share: Share) -> dict[str, list[dict[str, Any]]]:
    """The attachments of each message that is there."""
    return {row.id: row.attachments for row in tx.execute(_FILES, {"one": share.conversation_id, "owner": share.user_id})}


def _check_whole(share: Share, there: Collection[str]) -> None:
    if any(message_id not in there for message_id, _, _ in share.branch):
        raise NotFound(GONE)


def _shown(message: Message, content: int, reasoning: int, share: Share, numbers: Iterator[int]) -> dict[str, Any]:
    is_as_shared = message.is_finished and len(message.content) == content
    shown = {"role": message.role, "content": message.content[:content], "model": message.model, "citations": message.citations,
             "ending": _ending(message) if is_as_shared else None}
    if share.reasoning and message.reasoning:
        shown["reasoning"] = message.reasoning[:reasoning]
    if share.attachments:
        shown["attachments"] = [{"number": next(numbers), **{name: one[name] for name in FILE_WORDS if name in one}} for one in message.attachments]
    return shown


def _ending(message: Message) -> str | None:
    """A word for the page: what the upstream said of a failure is not for strangers."""
    if message.status == "completed":
        return "length" if message.finish_reason == "length" else None
    return message.status
