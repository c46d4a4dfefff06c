"""The numbers of `/metrics`, one object each; names carry their unit (Prometheus naming)."""
from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

runs_ended = Counter("rill_runs_ended_total", "Runs by how they ended.", ["status"])
live_runs = Gauge("rill_live_runs", "Runs that make a reply grow now.")
open_feeds = Gauge("rill_open_feeds", "Feeds that are open now.")
committed_characters = Counter("rill_committed_characters_total", "Characters of answers made durable.")
commits = Counter("rill_commits_total", "Transactions of the committer.")
commit_retries = Counter("rill_commit_retries_total", "Commits that had to be tried again.")
first_text_seconds = Histogram(
    "rill_first_text_seconds", "From accepting a reply to its first text.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600),
)
