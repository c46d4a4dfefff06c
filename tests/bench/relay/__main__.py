"""bin/bench: what Rill costs between an upstream and its readers, beside nginx and beside FastAPI with aiohttp.

Method. A fake upstream in C sends each token with the time it was written at; a client in C reads all streams and
compares. The relay under test has core 0 for itself, upstream and client have core 1; all is HTTP on 127.0.0.1, one
token a write. A peer answers each request with its stream on that connection. Rill makes a run of each, commits every
token to its database, and sends the text of all runs down one feed (or --feeds N of them: each gets everything).
CPU is that of the relay's processes in the steady state: every stream has begun, none has ended. Added latency is the
relay's minus `direct`'s at the same number of streams. A stream is lost unless each of its tokens came once and in
order on every feed and, of Rill, stands so in the conversation afterwards. Compare figures of one run only, and rows
where others used little of the machine: a noisy row is measured up to three times, and the quietest counts.
The last line of output is one line of JSON; times in it are microseconds.
"""
from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.relay.load import Load, Missing, Upstream, compiled, run_client
from tests.bench.relay.machine import Others, Sampler, cpu_seconds, memory_kib, started_on
from tests.bench.relay.summary import Row, compare, heading, line, steady
from tests.bench.relay.targets import TARGETS, Direct, RillItself

TRIES = 3
MAX_OTHERS = 0.04  # of the cores' time; a row with more is measured again
EXTRA_SECONDS = 30  # beyond a row's own length, until what is missing counts as lost
IDLE_FEEDS = 500
STARTS = 60  # answers of one token, for what a start costs
WARM_UP = {"streams": 20, "tokens": 40}


class Bench:
    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.asked, self.folder = asked, folder
        self.rows: list[Row] = []
        self.extras: dict[str, float] = {}
        self.upstream = Upstream(asked.load_core, realtime=asked.realtime)

    def run(self) -> None:
        names = self.asked.targets.split(",")
        for name in ["direct", *(name for name in names if name != "direct")]:
            target = TARGETS[name](self.upstream, self.folder)
            try:
                with started_on(self.asked.server_core, realtime=self.asked.realtime):
                    target.start()
                self._measure(target)
            except Missing as missing:
                print(f"{name} is left out: {missing}", flush=True)
            finally:
                target.stop()

    def _measure(self, target: Direct) -> None:
        self.upstream.set(rate=200, tokens=WARM_UP["tokens"])
        self._client(target, target.load(WARM_UP["streams"], 1), **WARM_UP)
        if isinstance(target, RillItself):
            self._idle_feeds(target)
            self._starts(target)
        for streams in map(int, self.asked.streams.split(",")):
            for feeds in map(int, self.asked.feeds.split(",")) if isinstance(target, RillItself) else (1,):
                tries: list[Row] = []
                while len(tries) < TRIES and (not tries or tries[-1]["others"] > self.asked.max_others):
                    tries.append(self._row(target, streams, feeds))
                self.rows.append(min(tries, key=lambda row: row["others"]))
                compare(self.rows)
                print(line(self.rows[-1]), flush=True)

    def _row(self, target: Direct, streams: int, feeds: int) -> Row:
        tokens = int(self.asked.rate * self.asked.seconds)
        idle_kib = memory_kib(target.pids)
        load = target.load(streams, feeds)
        self.upstream.set(rate=self.asked.rate, tokens=tokens, clump=self.asked.clump)
        others = Others({self.asked.server_core, self.asked.load_core}, lambda: [*target.pids, self.upstream.process.pid])
        with Sampler(target.pids, lambda: self.upstream.stats()["tokens"]) as sampler:
            seen = self._client(target, load, streams=streams, tokens=tokens)
        share = others.share()
        self.upstream.drain()
        inexact = target.inexact(load, tokens)
        if seen["why"] or inexact:
            print(f"{target.name}: {inexact} answers inexact in the database; {seen['why']}", flush=True)
        cpu = steady(sampler.samples, seen["steady_from"], seen["steady_until"]) if target.pids else None
        return {
            **seen, "target": target.name, "streams": streams, "feeds": feeds, "lost": max(streams - seen["exact"], inexact),
            "cpu_us": cpu and cpu[0], "core": cpu and cpu[1], "others": share, "idle_kib": idle_kib or None,
            "stream_kib": max(0, sampler.peak_kib - idle_kib) / streams if idle_kib else None,
            "tokens_per_delta": seen["tokens"] / seen["deltas"] if seen["deltas"] else None,
        }

    def _client(self, target: Direct, load: Load, *, streams: int, tokens: int) -> dict[str, float]:
        timeout = streams / self.asked.starts + self.asked.seconds + EXTRA_SECONDS
        return run_client(load, self.asked.load_core, self.folder, streams=streams, tokens=tokens, starts=self.asked.starts, timeout=timeout)

    def _idle_feeds(self, target: RillItself) -> None:
        sockets = target.open_feeds(IDLE_FEEDS)
        self.extras[f"mib_with_{IDLE_FEEDS}_idle_feeds"] = memory_kib(target.pids) / 1024
        for one in sockets:
            one.close()

    def _starts(self, target: RillItself) -> None:
        """CPU of a new conversation, and of sending a message and keeping an answer of one token."""
        self.upstream.set(rate=0, tokens=1)
        before = cpu_seconds(target.pids)
        load = target.load(STARTS, 1)
        created = cpu_seconds(target.pids)
        self._client(target, load, streams=STARTS, tokens=1)
        time.sleep(0.5)  # the last ending's own work
        self.extras["cpu_ms_per_conversation"] = (created - before) / STARTS * 1000
        self.extras["cpu_ms_per_start"] = (cpu_seconds(target.pids) - created) / STARTS * 1000


def read_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default=",".join(TARGETS), help="of %(default)s; direct is always measured")
    parser.add_argument("--streams", default="1,50,200", help="streams at once, a row each (%(default)s)")
    parser.add_argument("--feeds", default="1", help="feeds of Rill that all get everything, a row each (%(default)s)")
    parser.add_argument("--rate", type=float, default=50, help="tokens a second and stream (%(default)s)")
    parser.add_argument("--seconds", type=float, default=12, help="length of a stream (%(default)s)")
    parser.add_argument("--starts", type=float, default=150, help="streams started a second (%(default)s)")
    parser.add_argument("--clump", type=int, default=1, help="tokens that the upstream sends in one write (%(default)s)")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--max-others", type=float, default=MAX_OTHERS, help="share of the machine that others may use in a row (%(default)s)")
    parser.add_argument("--realtime", action="store_true", help="relay and upstream go before everything else on the machine (root)")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.targets.split(",")) - TARGETS.keys():
        parser.error(f"no target named {', '.join(unknown)}")
    return asked


def main() -> int:
    asked = read_options(sys.argv[1:])
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        print("bin/bench needs Linux and two cores: it reads /proc, and relay and load must not share a core.", file=sys.stderr)
        return 1
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    try:
        compiled("upstream"), compiled("client")
    except Missing as missing:
        print(f"bin/bench: {missing}", file=sys.stderr)
        return 1
    print("(milliseconds where not said otherwise; +: added over direct; x: times a peer's CPU a token; memory is PSS)")
    print(heading(), flush=True)
    with tempfile.TemporaryDirectory(prefix="rill-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker is nobody
        bench = Bench(asked, folder)
        try:
            bench.run()
        finally:
            bench.upstream.stop()
    for name, value in bench.extras.items():
        print(f"{name}: {value:.1f}")
    print(json.dumps({"rows": bench.rows, **bench.extras}))
    return int(any(row["lost"] for row in bench.rows if row["target"] == "rill"))


if __name__ == "__main__":
    sys.exit(main())
