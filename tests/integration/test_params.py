"""What a conversation asks of its model, and the citations that come back."""
from __future__ import annotations

from tests.api_client import Api
from tests.standin_process import StandIn


def test_a_search_of_the_web_brings_citations_with_the_answer(api: Api, upstream: StandIn) -> None:
    conversation = api.new_conversation(params={"web_search": True})
    reply = api.finished(api.send(conversation["id"], "hello", "demo/fast")["replies"][0]["id"])
    assert upstream.last_call()["body"]["web_search_options"] == {}
    assert len(reply["citations"]) == 5 and all(one["url"].startswith("https://") and one["title"] for one in reply["citations"])
    whole = api.finished(api.send(conversation["id"], "again", "demo/fast", stream=False)["replies"][0]["id"])
    assert whole["citations"] == reply["citations"]
    assert api.answered("without", "demo/fast")["citations"] == []


def test_every_param_of_a_conversation_reaches_the_upstream_and_its_absence_too(api: Api, upstream: StandIn) -> None:
    params = {"temperature": 0.5, "top_p": 0.9, "max_completion_tokens": 123, "reasoning_effort": "high", "web_search": True}
    made = api.new_conversation(system_prompt="Be short.", params=params)
    api.finished(api.send(made["id"], "hello")["replies"][0]["id"])
    sent = upstream.last_call()["body"]
    assert {name: sent[name] for name in params if name != "web_search"} == {name: params[name] for name in params if name != "web_search"}
    assert sent["web_search_options"] == {} and sent["messages"][0] == {"role": "system", "content": "Be short."}
    api.patch(f"/api/conversations/{made['id']}", {"system_prompt": None, "params": None})
    api.finished(api.send(made["id"], "hello")["replies"][0]["id"])
    sent = upstream.last_call()["body"]
    assert sent["max_completion_tokens"] == 32_000, "said also when nobody chose it: Claude would stop at 4096"
    assert not {"temperature", "top_p", "reasoning_effort", "web_search_options"} & sent.keys() and sent["messages"][0]["role"] == "user"
