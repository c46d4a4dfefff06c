"""Looking for what was said: any language, any letters, indexed or not yet; and what an index must not forget or keep."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, update

from rill import search, searching, store
from rill.db import Database
from rill.errors import InvalidRequest
from rill.indexing import Indexing
from rill.models import Conversation, utc_now
from rill.schema import conversations, messages
from rill.search_terms import fold, match_of, ranges_of, snippet_of, terms_of, trigrams_of
from tests.cast import ALICE, BOB


def say(tx: Connection, conversation: Conversation, content: str, **values: Any) -> str:
    return store.add_message(tx, conversation.user_id, conversation.id, **{
        "parent_id": None, "role": "user", "status": "completed", "finished_at": utc_now(), "content": content, **values}).id


def index_all(db: Database) -> None:
    indexing = Indexing(db, lambda: False)
    while indexing.index_some():
        pass


READ, LISTED, INDEXED = "read", "on the list", "indexed"


@pytest.fixture(params=[READ, LISTED, INDEXED])
def settle_index(request: pytest.FixtureRequest, db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Without an index; with one that knows nothing yet; with one that knows all. What is found is the same."""
    if request.param == READ:
        monkeypatch.setattr(search, "KNOWS_TRIGRAMS", False)
    with db.write() as tx:
        search.prepare(tx)
    yield (lambda: index_all(db)) if request.param == INDEXED else lambda: None


def found(db: Database, query: str, user: str = ALICE.id, **how: Any) -> list[str]:
    answer = searching.find(db, user, query, **{"limit": 50, **how})
    return [hit["message_id"] for hit in answer["hits"]]


def listed(db: Database, said: str, user: str = ALICE.id) -> list[str]:
    with db.read() as tx:
        return [one.id for one in store.list_conversations(tx, user, search=said)[0]]


SAID = {
    "plain": "The quick brown fox jumps over the lazy dog",
    "chinese": "床前明月光，疑是地上霜。",
    "emoji": "Sail on 🌊🌊 to the 👩‍👩‍👧 island",
    "signs": "100% sure_thing: a\"b AND c* NEAR(d) -- 'e' col:f",
    "accents": "ÉTÉ à Zürich, ΣΊΣΥΦΟΣ",
}


@pytest.mark.parametrize(("query", "names"), [
    ("brown", {"plain"}), ("BROWN fox", {"plain"}), ("fox brown", {"plain"}), ("brown cat", set()), ('"brown fox"', {"plain"}), ('"fox brown"', set()),
    ("row", {"plain"}), ("x", {"plain"}), ("zy", {"plain"}), ("o", {"plain", "emoji", "signs"}),
    ("明月", {"chinese"}), ("霜", {"chinese"}), ("明月光", {"chinese"}), ("疑是地上霜", {"chinese"}), ("月明光", set()),
    ("🌊", {"emoji"}), ("🌊🌊", {"emoji"}), ("👩‍👩‍👧", {"emoji"}), ("🌊🌊🌊", set()),
    ("100%", {"signs"}), ("%", {"signs"}), ("_", {"signs"}), ("sure_thing", {"signs"}), ("sureXthing", set()), ('a"b', {"signs"}), ("c* NEAR(d)", {"signs"}),
    ("col:f", {"signs"}), ("AND", {"signs", "emoji"}), ("-- 'e'", {"signs"}), ("*", {"signs"}), ("brown OR nothing", set()),
    ("été", {"accents"}), ("ZÜRICH", {"accents"}), ("σίσυφος", {"accents"}), ("é", {"accents"}), ("éTé ZüRich", {"accents"}),
    ("", set()), ("   ", set()), ('""', set()), ("brown " * 50, {"plain"}), ("z" * 5000, set()),
])
def test_what_was_said_is_found_in_any_language(db: Database, settle_index: Callable[[], None], query: str, names: set[str]) -> None:
    with db.write() as tx:
        conversation = store.create_conversation(tx, ALICE.id)
        ids = {name: say(tx, conversation, content) for name, content in SAID.items()}
    settle_index()
    assert set(found(db, query)) == {ids[name] for name in names}


@pytest.mark.parametrize("said", ["brown fox", "fox%", "月光", "霜", "x", "100%", "sure_thing", 'a"b AND', "nowhere", "🌊"])
def test_the_list_of_conversations_has_those_that_hold_it_in_title_or_text(db: Database, settle_index: Callable[[], None], said: str) -> None:
    with db.write() as tx:
        ids = {}
        for name, content in SAID.items():
            ids[name] = store.create_conversation(tx, ALICE.id).id
            say(tx, store.get_conversation(tx, ALICE.id, ids[name]), content)
        titled = store.create_conversation(tx, ALICE.id, title=f"About {said}").id
    settle_index()
    expected = {ids[name] for name, content in SAID.items() if said.lower() in content.lower()} | {titled}
    assert set(listed(db, said)) == expected


def test_what_alice_said_is_never_found_by_bob(db: Database, settle_index: Callable[[], None]) -> None:
    with db.write() as tx:
        conversation = store.create_conversation(tx, ALICE.id, title="A secret garden")
        say(tx, conversation, "the secret is out")
        mine = say(tx, store.create_conversation(tx, BOB.id), "no secret here")
    settle_index()
    answer = searching.find(db, BOB.id, "secret", limit=50)
    assert [hit["message_id"] for hit in answer["hits"]] == [mine] and answer["conversations"] == []
    assert len(listed(db, "secret", BOB.id)) == 1


def test_deleted_messages_and_conversations_are_not_found_and_come_back_with_their_return(db: Database, settle_index: Callable[[], None]) -> None:
    with db.write() as tx:
        kept, gone = (store.create_conversation(tx, ALICE.id, title="Walnut") for _ in range(2))
        here, marked = say(tx, kept, "walnut tree"), say(tx, kept, "walnut cake")
        below = say(tx, gone, "walnut oil")
    settle_index()
    for table, column in ((messages, messages.c.id == marked), (conversations, conversations.c.id == gone.id), (messages, messages.c.id == below)):
        with db.write() as tx:
            tx.execute(update(table).where(column).values(deleted_at=utc_now()))
    assert found(db, "walnut") == [here] and found(db, "wa") == [here]
    assert [one["id"] for one in searching.find(db, ALICE.id, "walnut", limit=9)["conversations"]] == [kept.id]
    assert listed(db, "walnut") == [kept.id] and listed(db, "cake") == []
    with db.write() as tx:
        tx.execute(update(messages).values(deleted_at=None))
    assert found(db, "walnut") == [marked, here]


def test_a_reply_is_found_when_it_ends_and_by_its_new_end_after_it_was_continued(db: Database, settle_index: Callable[[], None]) -> None:
    with db.write() as tx:
        conversation = store.create_conversation(tx, ALICE.id)
        reply = store.add_message(tx, ALICE.id, conversation.id, parent_id=None, role="assistant", status="queued", model="demo/hand")
    settle_index()
    with db.write() as tx:
        store.update_message(tx, reply.seq, content="Sandstone", status="stopped", finished_at=utc_now())
    assert found(db, "sandstone") == [reply.id]
    settle_index()
    with db.write() as tx:
        store.update_message(tx, reply.seq, status="queued", finished_at=None)
    settle_index()  # while it grows
    with db.write() as tx:
        store.update_message(tx, reply.seq, content="Sandstone and slate", status="completed", finished_at=utc_now())
    assert found(db, "slate") == [reply.id]
    settle_index()
    assert found(db, "slate") == found(db, "sandstone slate") == [reply.id]


def test_titles_are_found_as_they_are_now(db: Database, settle_index: Callable[[], None]) -> None:
    with db.write() as tx:
        conversation = store.create_conversation(tx, ALICE.id, title="Old name")
    settle_index()
    with db.write() as tx:
        store.update_conversation(tx, ALICE.id, conversation.id, title="A new name")
    titles = lambda query: searching.find(db, ALICE.id, query, limit=9)["conversations"]  # noqa: E731
    assert titles("old") == []
    [one] = titles("NAME new")
    assert (one["id"], one["title"], one["matches"]) == (conversation.id, "A new name", [(2, 5), (6, 10)])


@pytest.mark.parametrize("query", ["plum", "pl"])
def test_pages_follow_each_other_without_a_gap_or_a_double(db: Database, settle_index: Callable[[], None], query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "READ_ROWS", 4)
    monkeypatch.setattr(search, "READ_AT_ONCE", 3)
    with db.write() as tx:
        conversation = store.create_conversation(tx, ALICE.id)
        ids = [say(tx, conversation, f"{'plum' if n % 3 else 'pear'} {n}") for n in range(30)]
    settle_index()
    with db.write() as tx:  # and some that came since
        ids += [say(tx, conversation, f"plum {n}") for n in range(3)]
    wanted = [one for n, one in reversed([*enumerate(ids)]) if n >= 30 or n % 3]
    got, before = [], None
    for _ in range(50):
        page = searching.find(db, ALICE.id, query, limit=5, before=before)
        assert len(page["hits"]) <= 5
        got += [hit["message_id"] for hit in page["hits"]]
        before = page["next"]
        if before is None:
            break
    assert got == wanted


def test_a_search_that_must_read_stops_in_time_and_says_where_to_go_on(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "READ_ROWS", 2)
    with db.write() as tx:
        conversation = store.create_conversation(tx, ALICE.id)
        ids = [say(tx, conversation, f"no {n}") for n in range(9)]
    ticks = iter(range(1000))
    page = searching.find(db, ALICE.id, "no", limit=50, clock=lambda: next(ticks) * searching.READ_SECONDS / 2.5)
    assert 0 < len(page["hits"]) < 9 and page["next"]
    rest = searching.find(db, ALICE.id, "no", limit=50, before=page["next"])
    assert [hit["message_id"] for hit in page["hits"] + rest["hits"]] == ids[::-1]


@pytest.mark.parametrize("before", ["", "x", "-1", "1" * 19, "٣"])
def test_a_place_that_no_page_gave_is_refused(db: Database, before: str) -> None:
    with pytest.raises(InvalidRequest, match="before"):
        searching.find(db, ALICE.id, "any", limit=5, before=before)


# ---- the index

@pytest.fixture
def indexed(db: Database) -> Database:
    if not search.KNOWS_TRIGRAMS:
        pytest.skip("this SQLite has no trigrams")
    with db.write() as tx:
        search.prepare(tx)
        say(tx, store.create_conversation(tx, ALICE.id), "Labradorite")
    index_all(db)
    return db


def terms_in(db: Database) -> set[str]:
    """What stands in the index itself."""
    with db.write() as tx:
        tx.exec_driver_sql("CREATE VIRTUAL TABLE temp.entries USING fts5vocab(main, search_index, row)")
        terms = set(tx.exec_driver_sql("SELECT term FROM temp.entries").scalars())
        tx.exec_driver_sql("DROP TABLE temp.entries")
    return terms


def test_the_index_forgets_what_was_removed(indexed: Database) -> None:
    assert "lab" in terms_in(indexed)
    with indexed.write() as tx:
        tx.exec_driver_sql("DELETE FROM conversations")  # takes its messages along
    index_all(indexed)
    assert terms_in(indexed) == set()
    with indexed.read() as tx:
        assert not search.has_todo(tx)


def test_a_message_that_is_removed_before_it_was_indexed_leaves_nothing(indexed: Database) -> None:
    with indexed.write() as tx:
        say(tx, store.create_conversation(tx, ALICE.id), "Feldspar")
        tx.exec_driver_sql("DELETE FROM conversations")
    index_all(indexed)
    assert terms_in(indexed) == set()


def test_a_long_list_is_worked_off_in_small_batches_newest_first(db: Database) -> None:
    with db.write() as tx:
        search.prepare(tx)
        conversation = store.create_conversation(tx, ALICE.id)
        for n in range(9):
            say(tx, conversation, f"stone {n} " * 10)
    with db.write() as tx:
        assert search.index_some(tx, 200) == 3
        assert list(tx.exec_driver_sql("SELECT rowid FROM search_index WHERE search_index MATCH 'sto' ORDER BY rowid").scalars()) == [7, 8, 9]


def test_nothing_is_indexed_anew_at_the_next_start(indexed: Database) -> None:
    with indexed.write() as tx:
        assert not search.prepare(tx)
        assert not search.has_todo(tx)


def test_an_index_that_missed_something_begins_anew(indexed: Database) -> None:
    """As after a schema step that built the table of messages anew, or under a SQLite without trigrams."""
    with indexed.write() as tx:
        tx.exec_driver_sql("DROP TRIGGER search_made")
        late = say(tx, store.create_conversation(tx, ALICE.id), "Obsidian")
        assert search.prepare(tx)
    index_all(indexed)
    assert found(indexed, "obsidian") == [late] and len(found(indexed, "labradorite")) == 1


def test_a_sqlite_without_trigrams_lets_go_of_the_triggers_so_that_a_later_one_begins_anew(indexed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without, indexed.write() as tx:
        without.setattr(search, "KNOWS_TRIGRAMS", False)
        assert not search.prepare(tx)
        late = say(tx, store.create_conversation(tx, ALICE.id), "Obsidian")
    with indexed.write() as tx:
        assert search.prepare(tx)
    assert found(indexed, "obsidian") == [late]


def test_a_broken_index_is_seen_searched_without_and_made_anew(indexed: Database) -> None:
    [whole] = found(indexed, "labradorite")
    with indexed.write() as tx:
        assert search.check_index(tx)
        tx.exec_driver_sql("UPDATE search_index_data SET block = x'00' WHERE id > 10")
    indexed.engine.dispose()  # what a connection holds in its memory is not broken
    assert found(indexed, "labradorite") == [whole] and len(listed(indexed, "labradorite")) == 1
    index_all(indexed)
    with indexed.write() as tx:
        assert search.has_index(tx) and search.check_index(tx)
    assert found(indexed, "labradorite") == [whole]


# ---- terms, places, snippets

def test_places_are_code_points_and_case_moves_none() -> None:
    assert ranges_of("🌊 İstanbul, istanbul", terms_of("STANBUL")) == [(3, 10), (13, 20)]
    assert ranges_of("aaaa", ["aa"]) == [(0, 4)] or ranges_of("aaaa", ["aa"]) == [(0, 2), (2, 4)]
    assert len(fold("İİß")) == 3


def test_a_snippet_is_one_short_line_around_what_was_found() -> None:
    text = "word " * 200 + "the needle\n\n\tin it " + "word " * 200
    snippet, matches = snippet_of(text, terms_of("needle"))
    assert snippet.startswith("…") and snippet.endswith("…") and len(snippet) < 200 and "needle in it" in snippet
    assert [snippet[start:end] for start, end in matches] == ["needle"]
    assert snippet_of("the **bold** `word`", ["bold"]) == ("the bold word", [(4, 8)])
    assert snippet_of("the **bold** word", ["**bold"]) == ("the **bold** word", [(4, 10)])
    assert snippet_of("short", ["or"]) == ("short", [(2, 4)])
    chinese, matches = snippet_of("字" * 500 + "明月光" + "字" * 500, ["明月光"])
    assert [chinese[start:end] for start, end in matches] == ["明月光"]


def test_a_long_query_asks_for_some_of_its_trigrams_and_quotes_every_one() -> None:
    assert trigrams_of(["ab", "明月"]) == []
    assert len(trigrams_of(["".join(map(chr, range(97, 5000)))])) <= 32
    assert match_of(trigrams_of(['a"bc'])) == '"a""b" AND """bc"'
