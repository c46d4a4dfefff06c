"""bin/chaos: plays seeds against real processes and prints, for each that fails, what was broken and the whole story.

`--jobs` starts as many worlds, each its own process with its share of the seeds. Called by bin/chaos and test_chaos.py.
"""
from __future__ import annotations

from gevent import monkey

monkey.patch_all()  # before anything else takes hold of sockets

import argparse  # noqa: E402
import random  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402

from tests.chaos.episode import Episode  # noqa: E402
from tests.chaos.world import World, end_well_on_sigterm  # noqa: E402

RANDOM_SEEDS = 20
STORY_CHARS = 60_000


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/chaos", description="Hurt a real server by the seed, then check that no answer was lost.")
    parser.add_argument("--seeds", default="", metavar="A..B", help=f"these; without it {RANDOM_SEEDS} random ones")
    parser.add_argument("--jobs", type=int, default=1, help="worlds to run side by side")
    parser.add_argument("--share", default="0/1", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    seeds = read_seeds(options.seeds)
    if options.jobs > 1:
        return run_jobs(f"{seeds[0]}..{seeds[-1]}", options.jobs)
    number, of = map(int, options.share.split("/"))
    return play(seeds[number::of])


def read_seeds(given: str) -> range:
    if not given:
        first = random.SystemRandom().randrange(10**6, 10**9)
        return range(first, first + RANDOM_SEEDS)
    first, _, last = given.partition("..")
    return range(int(first), int(last or first) + 1)


def run_jobs(seeds: str, jobs: int) -> int:
    command = [sys.executable, "-m", "tests.chaos.driver", "--seeds", seeds, "--share"]
    end_well_on_sigterm()
    processes = [subprocess.Popen([*command, f"{number}/{jobs}"]) for number in range(jobs)]
    try:
        return max(process.wait() for process in processes)
    finally:
        for process in processes:
            process.terminate()


def play(seeds: range) -> int:
    warnings.simplefilter("ignore", ResourceWarning)
    end_well_on_sigterm()
    failed, started = [], time.monotonic()
    with World() as world:
        for seed in seeds:
            began, episode = time.monotonic(), Episode(world, seed)
            violations = episode.play()
            record = episode.record
            print(f"seed {seed}: {'FAILED' if violations else 'ok'} in {time.monotonic() - began:.1f} s, {len(record.runs)} runs, "
                  f"{len(record.exchanges)} calls, {sum(len(one.connections) for one in record.readers)} feeds, lag {world.lag_seconds * 1000:.0f}+{world.starved_seconds * 1000:.0f} ms", flush=True)
            if violations:
                failed.append(seed)
                print("\n".join(f"  {one}" for one in violations), "\n--- what happened\n", episode.story()[:STORY_CHARS],
                      f"\n--- again: bin/chaos --seeds {seed}", sep="", flush=True)
    print(f"{len(seeds)} seeds in {time.monotonic() - started:.0f} s; failed: {failed or 'none'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
