"""One stand-in and two servers for all integration tests: `rill` as a person starts it, `strict_rill` with a key and
limits so short that every fault ends within seconds. Tests that kill or configure start their own (tests/servers.py).
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api_client import Api
from tests.feed_reader import Feed
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn, running_standin

KEY = "sk-ai-v1-7dd1a0f3c5e94b62b8f0RECOGNISABLE"
STANDIN_KEEPALIVE_SECONDS = 0.5


@pytest.fixture(scope="session")
def upstream() -> Iterator[StandIn]:
    with running_standin("--keepalive-seconds", str(STANDIN_KEEPALIVE_SECONDS)) as running:
        yield running


@pytest.fixture(scope="session")
def rill(upstream: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rill]:
    # Feeds of tests that just ended may not have been noticed as gone yet, so there is no limit on them here.
    with running_rill(tmp_path_factory.mktemp("rill") / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo",
                      RILL_FEEDS_PER_USER=0, RILL_FEEDS_PER_ADDRESS=0, RILL_FEED_PING_SECONDS=2) as running:
        yield running


@pytest.fixture(scope="session")
def strict_rill(upstream: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rill]:
    with running_rill(tmp_path_factory.mktemp("strict") / "data", upstream.base_url, key=KEY, RILL_DEFAULT_MODEL="demo/echo",
                      RILL_CONNECT_TIMEOUT=1, RILL_FIRST_DATA_TIMEOUT=1, RILL_CONTENT_TIMEOUT=1, RILL_ANSWER_TIMEOUT=8,
                      RILL_MAX_FRAME_BYTES=65536, RILL_FEEDS_PER_USER=0, RILL_FEEDS_PER_ADDRESS=0) as running:
        yield running


@pytest.fixture
def api(rill: Rill) -> Iterator[Api]:
    client = rill.api()
    yield client
    client.http.close()


@pytest.fixture
def open_feed(rill: Rill) -> Callable[..., Feed]:
    """Feeds of the shared server."""
    return rill.feed


@pytest.fixture(autouse=True)
def no_feed_stays_open() -> Iterator[None]:
    yield
    Feed.close_all()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"
