"""Many runs: each kept as soon as it ends, none done twice, the cheapest first.

Every finished run is one JSON record, written to a temporary file and renamed, so
a killed sweep loses only the runs it was in. Running it again does the rest. What a
plan asks of its short runs is known before the long ones begin.
`precision_lib.sweep.records.collect` merges the records into the tables of ``data/``.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from precision_lib.errors import UserError
from precision_lib.runs.run_table import Role
from precision_lib.sweep.engines import Engine, LocalEngine, Stack, Task
from precision_lib.sweep.preflight import prepare, rough_seconds, weight_bytes
from precision_lib.sweep.progress import Progress
from precision_lib.sweep.records import set_aside
from precision_lib.sweep.stacks import lanes_at_once, open_runs
from precision_lib.training.config import RunConfig

TICK = 0.5  # seconds between looks at what other sweeps have done


def run_sweep(
    configs: list[RunConfig],
    name: str,
    role: Role,
    out: Path,
    data: Path,
    jobs: int = 1,
    *,
    engine: Engine | None = None,
    prices: dict[str, float] | None = None,
    lanes: int | None = None,
) -> int:
    """Train what is not done yet, the cheapest runs first.

    A run that starts from another waits for it; that one is trained once, in the plan
    or not. Two sweeps may work in one folder: a run that the other one is in is left to
    it, and done here only if the other dies or fails.

    Returns the number of runs done now, by this sweep or by another one in the folder.

    Raises UserError before anything is trained if a corpus cannot be had or is too
    small, or the folder cannot be written or has no room; at the end if runs failed.

    `name`, `role`: of the sweep; columns of the tables. `out`, `data`: folders of the
    records and weights, and of ``runs.csv``, whose runs are done; `jobs`: worker
    processes, one thread each; `engine`: instead of processes on this machine;
    `prices`: seconds of each run by its id, by `precision_lib.sweep.price.prices`;
    `lanes`: most runs in a stack, instead of
    `precision_lib.sweep.stacks.lanes_at_once`.

    >>> run_sweep([], "none", "fit", Path("."), Path("."))
    0
    """
    damaged = set_aside(out)
    todo = open_runs(configs, out, data)
    if not todo:
        return 0
    prices = prices or {config.run_id: rough_seconds(config) for config in todo}
    todo.sort(key=lambda config: prices[config.run_id])
    folders = prepare(todo, out)
    starts = {c.start_from.run_id for c in todo if c.start_from}
    shared = {"sweep": name, "role": role}, out.resolve()
    tasks = [Task(c, *shared, folders[c.corpus], c.run_id in starts) for c in todo]
    return _Sweep(tasks, engine or LocalEngine(jobs), prices, damaged, lanes).work()


class _Sweep:
    """The loop that hands tasks to an engine."""

    def __init__(
        self,
        tasks: list[Task],
        engine: Engine,
        prices: dict[str, float],
        damaged: list[str],
        lanes: int | None,
    ):
        self.waiting = deque(tasks)
        self.elsewhere: list[Task] = []  # another sweep is in them
        self.claims: dict[str, FileLock] = {}  # of the runs in work here
        self.killed: set[str] = set()
        self.failures: list[str] = []
        self.engine, self.lanes = engine, lanes
        self.stacks = 0  # in work here
        chosen = {task.config.run_id: prices[task.config.run_id] for task in tasks}
        self.progress = Progress(chosen, engine.slots)
        self.say: Callable[[str], None] = self.progress.say
        for sentence in damaged:
            self.say(sentence)

    def work(self) -> int:
        """Until all is done; returns how many runs are."""
        try:
            while self.waiting or self.claims or self.elsewhere:
                self._fill()
                for outcome in self.engine.wait(TICK):
                    self._end(*outcome)
                self.progress.show()
                self.waiting.extend(self.elsewhere)
                self.elsewhere.clear()
        finally:
            self.engine.stop()
            for claim in self.claims.values():
                claim.release()
            self.progress.close()
        if self.failures:
            raise UserError(
                f"{len(self.failures)} of the runs failed, {self.progress.finished} "
                f"are done; the first: {self.failures[0]}"
            )
        return self.progress.finished

    def _fill(self) -> None:
        """Start stacks while there are slots."""
        while self.waiting and self.stacks < self.engine.slots:
            first = self.waiting.popleft()
            if not self._claim(first):
                continue
            stack, most = [first], self.lanes or lanes_at_once(first.config)
            lane = first.config.lane
            for task in list(self.waiting) if most > 1 else ():
                if len(stack) < most and task.config.lane == lane:
                    self.waiting.remove(task)
                    stack += [task] if self._claim(task) else []
            if self._has_room(stack):
                self.engine.start(stack)
                self.stacks += 1
                for task in stack:
                    self.progress.start(task.config.run_id, len(stack))

    def _claim(self, task: Task) -> bool:
        """Whether the run is to be done here and now; if not, it is put elsewhere."""
        run = task.config.run_id
        if task.done:
            self.progress.end(run)
            return False
        claim = FileLock(task.record.with_suffix(".lock"))
        try:
            if self._is_coming(task.config.start_from):
                raise Timeout(claim.lock_file)
            claim.acquire(blocking=False)
        except Timeout:
            self.elsewhere.append(task)
            return False
        self.claims[run] = claim
        if task.done:  # between the two looks
            self._release(task)
            self.progress.end(run)
            return False
        for rest in task.out.glob(f"{run}.*part"):
            rest.unlink()  # of a killed writer; the claim is ours
        return True

    def _is_coming(self, start: RunConfig | None) -> bool:
        """Whether the run that another starts from is still to be done here."""
        ahead = {task.config.run_id for task in (*self.waiting, *self.elsewhere)}
        return start is not None and start.run_id in ahead | self.claims.keys()

    def _has_room(self, stack: Stack) -> bool:
        need = sum(weight_bytes(task.config) for task in stack) * (1 + self.stacks)
        out = stack[0].out
        if shutil.disk_usage(out).free >= need:
            return True
        for task in stack:
            self._release(task)
        self._fail(stack[0], f"{out} has no room for it; make some and start again")
        self.waiting.clear()
        self.elsewhere.clear()
        return False

    def _end(self, stack: Stack, error: str, killed: bool) -> None:
        self.stacks -= 1
        for task in stack:
            run, done = task.config.run_id, task.done
            self._release(task)
            self.progress.end(run, done=done)
            if done:
                continue
            if killed and run not in self.killed:
                self.killed.add(run)
                self.say(f"run {run}: {error}; it is done once more")
                self.waiting.appendleft(task)
            else:
                self._fail(task, error)

    def _fail(self, task: Task, error: str) -> None:
        sentence = f"run {task.config.run_id}: {error}".rstrip(".") + "."
        self.failures.append(sentence)
        self.say(sentence)

    def _release(self, task: Task) -> None:
        claim = self.claims.pop(task.config.run_id)
        if task.done:  # nobody will want this run again
            Path(claim.lock_file).unlink(missing_ok=True)
        claim.release()
