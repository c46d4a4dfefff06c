"""What every call of the upstream cost: a row a run (or title), an estimate at first, the true amount when it is known.

The SQL of the ledger. A row outlives its message: what was spent was spent, whatever is deleted. It asks nobody and
prices nothing: the committer and titles.py add rows, settling.py asks for the true amounts, the usage route sums.
"""
from __future__ import annotations

from sqlalchemy import Connection, Row, bindparam, func, insert, or_, select, update

from rill.bills import Bill
from rill.models import Cost, Message, Usage, utc_now
from rill.schema import charges, messages

REPLY, TITLE = "reply", "title"
ESTIMATE, ACTUAL = "estimate", "actual"
COST_DIGITS = 10

# Built once, since every end of a run asks the first.
_ADD = insert(charges)
_IS_SETTLED = or_(messages.c.id.is_(None), messages.c.finished_at.is_not(None))
_DUE = (
    select(charges.c.seq, charges.c.user_id, charges.c.conversation_id, charges.c.message_id, charges.c.generation_id,
           charges.c.tries, charges.c.amount)
    .outerjoin(messages, messages.c.id == charges.c.message_id)
    .where(charges.c.waits_from <= bindparam("until"), _IS_SETTLED)
    .order_by(charges.c.waits_from).limit(bindparam("most"))
)
_BETWEEN = select(
    charges.c.model, charges.c.purpose, charges.c.kind, func.count().label("calls"), func.count(charges.c.amount).label("known"),
    func.sum(charges.c.amount).label("amount"), *(func.sum(charges.c[name]).label(name) for name in Usage.__slots__),
).where(
    charges.c.user_id == bindparam("owner"), charges.c.at >= bindparam("since"), charges.c.at < bindparam("until"),
).group_by(charges.c.model, charges.c.purpose, charges.c.kind)
_MESSAGE = select(messages.c.seq, messages.c.cost_amount, messages.c.finished_at).where(messages.c.id == bindparam("message"))
_OF_MESSAGE = select(charges.c.amount, charges.c.kind).where(charges.c.message_id == bindparam("message"))


def add_run(tx: Connection, message: Message, generation_id: str | None, usage: Usage, amount: float | None) -> None:
    """One ended run of a reply, in the transaction of its end. A call that was refused left nothing to pay for."""
    if generation_id is None and usage == Usage():
        return
    add(tx, message.user_id, purpose=REPLY, message_id=message.id, conversation_id=message.conversation_id,
        model=message.model, generation_id=generation_id, usage=usage, amount=amount)


def add(tx: Connection, user_id: str, *, purpose: str, conversation_id: str, model: str | None, generation_id: str | None,
        usage: Usage, amount: float | None, message_id: str | None = None) -> None:
    now = utc_now()
    tx.execute(_ADD, {
        "user_id": user_id, "purpose": purpose, "message_id": message_id, "conversation_id": conversation_id, "model": model,
        "generation_id": generation_id, "at": now, "amount": amount, "kind": ESTIMATE, "tries": 0,
        "waits_from": None if generation_id is None else now, **{name: getattr(usage, name) for name in Usage.__slots__},
    })


# ---- for settling

def due(tx: Connection, until: str, most: int) -> list[Row]:
    """Everybody's that wait since `until` or longer, but none whose message a run is still making grow: that run knows the
    cost of the message as it was when it began, and writes it with its own at its end."""
    return list(tx.execute(_DUE, {"until": until, "most": most}))


def postpone(tx: Connection, seq: int, tries: int, waits_from: str | None) -> None:
    """Asked in vain. None: it stays an estimate for good."""
    tx.execute(update(charges).where(charges.c.seq == seq).values(tries=tries, waits_from=waits_from))


def forget_waiting(tx: Connection, before: str) -> None:
    """Those that are too old to be asked for: the key was another, or nothing was asked for long."""
    tx.execute(update(charges).where(charges.c.waits_from.is_not(None), charges.c.at < before).values(waits_from=None))


def settle(tx: Connection, charge: Row, bill: Bill) -> Cost | None:
    """The true amount in place of the estimate, in the ledger and in its message. Returns what the message costs now; None
    when there is no such message (any more), or a run has begun to make it grow: then the charge goes on waiting."""
    message = tx.execute(_MESSAGE, {"message": charge.message_id}).first()
    if message is not None and message.finished_at is None:
        return None
    tokens = {name: func.coalesce(charges.c[name], getattr(bill.usage, name)) for name in Usage.__slots__}
    tx.execute(update(charges).where(charges.c.seq == charge.seq).values(
        amount=bill.amount, kind=ACTUAL, waits_from=None, tries=charge.tries + 1, **tokens))
    if message is None:
        return None
    runs = tx.execute(_OF_MESSAGE, {"message": charge.message_id}).all()
    # By the difference, since a copy of a message has a cost that no charge of its own stands for.
    amount = round((message.cost_amount or 0) - (charge.amount or 0) + bill.amount, COST_DIGITS)
    is_all = abs(sum(run.amount or 0 for run in runs) - amount) < 10 ** -COST_DIGITS
    cost = Cost(amount, ACTUAL if is_all and all(run.kind == ACTUAL for run in runs) else ESTIMATE)
    tx.execute(update(messages).where(messages.c.seq == message.seq).values(cost_amount=cost.amount, cost_kind=cost.kind))
    return cost


# ---- for the usage page

def spent(tx: Connection, user_id: str, since: str, until: str) -> list[Row]:
    """A user's charges from `since` to before `until`, summed by model, purpose and kind."""
    return list(tx.execute(_BETWEEN, {"owner": user_id, "since": since, "until": until}))
