"""The stamped steps of the set-up, its lock, and the child processes it runs."""
from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from rill.launch.processes import LAST_LINES, LaunchError, run_quietly, shell_code
from rill.launch.steps import Step, only_one_setup

DEADLINE_SECONDS = 10


@pytest.fixture
def runs() -> list[str]:
    return []


@pytest.fixture
def step(tmp_path: Path, runs: list[str]) -> Step:
    """A step that makes out/ from in/, and writes down each time it runs."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("a")
    (tmp_path / "in" / "made").mkdir()
    made = tmp_path / "out"
    return Step("Working", made / "stamp", (tmp_path / "in",), lambda: (made.mkdir(exist_ok=True), runs.append("ran")),
                leave_out=(tmp_path / "in" / "made",))


def test_a_step_that_is_up_to_date_does_not_run_again(step: Step, runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    step.run()
    step.run()
    assert runs == ["ran"]
    assert capsys.readouterr().out == "Working\n"


@pytest.mark.parametrize("change", [
    lambda folder: (folder / "a").write_text("b"),
    lambda folder: (folder / "b").write_text(""),
    lambda folder: (folder / "a").rename(folder / "c"),
    lambda folder: (folder / "a").unlink(),
], ids=["changed", "new", "renamed", "deleted"])
def test_a_step_runs_again_when_a_file_it_reads_is(change: Callable[[Path], None], step: Step, runs: list[str], tmp_path: Path) -> None:
    step.run()
    change(tmp_path / "in")
    step.run()
    assert runs == ["ran", "ran"]


def test_what_a_step_leaves_out_does_not_make_it_stale(step: Step, runs: list[str], tmp_path: Path) -> None:
    step.run()
    (tmp_path / "in" / "made" / "bundle").write_text("built")
    assert step.is_done()


def test_a_step_runs_again_when_what_it_made_is_deleted(step: Step, runs: list[str]) -> None:
    step.run()
    step.stamp.unlink()
    step.stamp.parent.rmdir()
    step.run()
    assert runs == ["ran", "ran"]


def test_a_step_that_failed_once_is_not_taken_for_done(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("1")

    def fail() -> None:
        if source.read_text() == "2":
            raise LaunchError("no")

    step = Step("Working", tmp_path / "stamp", (source,), fail)
    step.run()
    source.write_text("2")
    with pytest.raises(LaunchError):
        step.run()
    source.write_text("1")  # the inputs of the good run are back, what the bad one left is not known
    assert not step.is_done()


def test_an_edit_while_a_step_works_makes_it_stale(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("before")
    step = Step("Working", tmp_path / "stamp", (source,), lambda: source.write_text("after"))
    step.run()
    assert not step.is_done()


def test_a_second_setup_waits_until_the_first_is_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entered = threading.Event()

    def second() -> None:
        with only_one_setup(tmp_path):
            entered.set()

    thread = threading.Thread(target=second)
    with only_one_setup(tmp_path):
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(DEADLINE_SECONDS)
    thread.join()
    assert "waiting" in capsys.readouterr().out


def test_the_lock_of_a_killed_setup_is_free(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from rill.launch.steps import only_one_setup\n" \
           "with only_one_setup(Path(sys.argv[1])): print('in', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "in\n"
        first.kill()
    with only_one_setup(tmp_path):
        pass


def test_a_command_that_fails_is_told_in_a_sentence_and_its_last_lines(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys\nfor n in range(50): print('line', n)\nsys.exit(3)"]
    with pytest.raises(LaunchError) as failure:
        run_quietly(command, "It could not be installed:", cwd=tmp_path)
    lines = str(failure.value).split("\n  ")
    assert lines == ["It could not be installed:", *(f"line {n}" for n in range(50 - LAST_LINES, 50))]


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="no-such-program"):
        run_quietly([tmp_path / "no-such-program"], "It could not be run:", cwd=tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_a_command_ends_when_the_setup_is_killed(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from rill.launch.processes import run_loudly\n" \
           "run_loudly([sys.executable, '-c', 'import time; print(1, flush=True); time.sleep(60)'], cwd=Path('.'), env={})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as setup:
        assert setup.stdout.readline() == "1\n"
        setup.kill()
        # the child holds the other end of this pipe: it closes when the child is gone
        reader = threading.Thread(target=setup.stdout.read)
        reader.start()
        reader.join(DEADLINE_SECONDS)
        assert not reader.is_alive()


def test_a_killed_child_has_the_code_that_a_shell_would_give_it() -> None:
    assert [shell_code(0), shell_code(3), shell_code(-signal.SIGKILL)] == [0, 3, 137]
