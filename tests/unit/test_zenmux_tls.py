"""The same client over TLS: live, reused, stopped, and refusing what it cannot trust."""
from __future__ import annotations

import json
import socket
import time

import pytest

from rill import errors
from rill.chunks import Delta, Finish
from rill.zenmux import ChatRequest, Limits, ZenMux
from tests.wire_server import STREAM, TLS_FILE, WireServer

REQUEST = ChatRequest("m/m", [{"role": "user", "content": "Hi"}], {})
CHUNKS = [f'data: {json.dumps({"choices": [{"index": 0, "delta": {"content": word}}]})}\n\n' for word in ("Hel", "lo")]
DONE = "data: [DONE]\n\n"


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rill.transport.CA_FILE", TLS_FILE)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("framing", ["chunked", "close", "length", "gzip+chunked"])
def test_text_is_live_over_tls(framing: str) -> None:
    with WireServer(([*CHUNKS, DONE], STREAM | {"framing": framing, "delays_ms": 100}), tls=True) as server:
        times = [time.monotonic() for event in ZenMux(server.base_url, "").stream_chat(REQUEST) if isinstance(event, Delta)]
        sent = [at for _, at in server.sent]
    assert len(times) == 2 and all(seen - at < 0.06 for seen, at in zip(times, sent))


@pytest.mark.usefixtures("trusted")
def test_a_tls_connection_is_used_again() -> None:
    with WireServer(([*CHUNKS, DONE], STREAM), tls=True) as server:
        client = ZenMux(server.base_url, "")
        for _ in range(3):
            assert isinstance(list(client.stream_chat(REQUEST))[-1], Finish)
        assert server.connections == 1


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with WireServer(([*CHUNKS, DONE], STREAM), tls=True) as server, pytest.raises(errors.ConnectFailed) as caught:
        list(ZenMux(server.base_url, "secret-key-of-alice").stream_chat(REQUEST))
    assert "self-signed certificate" in caught.value.message and not server.requests


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_refused() -> None:
    with WireServer(([*CHUNKS, DONE], STREAM), tls=True) as server, pytest.raises(errors.ConnectFailed) as caught:
        list(ZenMux(server.base_url.replace("127.0.0.1", "localhost"), "").stream_chat(REQUEST))
    assert "Hostname mismatch" in caught.value.message and not server.requests


def test_a_peer_that_never_shakes_hands_costs_the_connect_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(errors.ConnectFailed) as caught:
        start = time.monotonic()
        list(ZenMux(f"https://127.0.0.1:{listener.getsockname()[1]}/v1", "", Limits(connect_seconds=0.3)).stream_chat(REQUEST))
    assert time.monotonic() - start < 1 and "within 0.3 seconds" in caught.value.message
