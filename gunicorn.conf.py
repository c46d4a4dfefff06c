"""How gunicorn runs Rill: one gevent process, from the same settings as the application."""
import gc
import signal
import sys

import gevent
from gunicorn.http import message

from rill.config import load_settings
from rill.errors import ConfigError

LAST_ANSWERS_SECONDS = 0.5  # for requests under way when all runs have ended

try:
    _settings = load_settings()
except ConfigError as error:
    sys.exit(error.message)

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
worker_class = "gevent"
workers = 1  # one process holds all runs and readers; SQL holds the truth
worker_connections = 4000
backlog = 2048
keepalive = 75  # longer than the idle time of the usual proxies
timeout = 60 + int(_settings.grace_seconds)  # a loop that does not turn for so long is dead; a new worker waits for the old one's runs
graceful_timeout = int(_settings.grace_seconds) + 2  # only for a worker that hangs: `drain` ends it before
# A cursor may be 16 kB, in a line or in a header. gunicorn's own ceiling is 8190, and its "unlimited" takes quadratic time.
message.MAX_REQUEST_LINE = limit_request_line = 24 * 1024
limit_request_field_size = 20 * 1024
control_socket_disable = True
loglevel = "warning"
GC_THRESHOLDS = 20_000, 50, 100


def when_ready(server):
    """A reload reads the settings anew. Is one wrong by now, nothing is reloaded: left to gunicorn, it would end the server."""
    reload = server.reload

    def reload_if_right():
        try:
            load_settings()
        except ConfigError as error:
            server.log.error("Not reloaded, the server goes on as it was. %s", error.message)
        else:
            reload()

    server.reload = reload_if_right


def post_worker_init(worker):
    """On SIGTERM, end feeds and runs first, while the process still answers; then end the worker. Left to gunicorn, each
    idle connection (every open page has one) would hold it for the whole of graceful_timeout."""
    # What the start made stays: looking through it again would hold every stream up for 40 ms. And what a token leaves
    # behind has no cycles, so the collector need not come every few tokens.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    parts = worker.app.callable.extensions["rill"]

    def drain():
        parts.stop()
        parts.hub.end_all("shutdown")
        parts.engine.drain(_settings.grace_seconds)
        parts.hub.end_all("shutdown")  # pages that came back to see the end of their answers
        worker.alive = False
        gevent.sleep(LAST_ANSWERS_SECONDS)
        sys.exit(0)

    parts.start()
    worker.drain = drain
    gevent.signal_handler(signal.SIGTERM, drain)


def pre_request(worker, _request):
    """With --max-requests gunicorn would cut the running answers off; so the last request begins the same orderly end."""
    if worker.nr + 1 >= worker.max_requests:
        worker.max_requests = sys.maxsize
        gevent.spawn(worker.drain)


def worker_exit(_server, worker):
    """A quick stop (SIGINT, SIGQUIT) comes here without the drain."""
    parts = worker.app.callable.extensions["rill"] if worker.app.callable else None
    if parts is not None:
        if not parts.engine.is_draining:
            parts.engine.drain(0)
        parts.close()
