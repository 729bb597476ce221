"""Where the runs of a sweep are executed: in processes here, or on a Ray cluster.

Each run, or stack of runs that train as lanes of one step, has a process of its own.
One that dies takes no other with it, and its peak memory is that of its runs. The
processes fork from a server that has imported the library once and done nothing else,
so a start takes milliseconds. (A pool such as joblib's loses all of its tasks when one
worker is killed.)
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from precision_lib.errors import UserError
from precision_lib.ptq.trained_run import add_roundings
from precision_lib.sweep.records import write_json
from precision_lib.text.corpus import Corpus, read_corpus
from precision_lib.training.checkpoints import save_model
from precision_lib.training.config import RunConfig
from precision_lib.training.devices import train_on_devices
from precision_lib.training.trainer import Run, train_lanes

# glibc gives large blocks back to the system at each free, two thousandths of a
# second a step; a training process can keep them.
_KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": "100000000",
    "MALLOC_TRIM_THRESHOLD_": "2000000000",
}
# The first optimizer of a process imports torch._dynamo, two seconds of work.
_PRELOADED = ["__main__", "torch._dynamo"]


@dataclass(frozen=True)
class Task:
    """A run to be done: its config, the labels of its sweep, and where things are.

    >>> from precision_lib.model.shapes import SHAPES
    >>> Task(RunConfig(SHAPES["24k"]), {}, Path("/out"), Path("/corpus")).record.suffix
    '.json'
    """

    config: RunConfig
    labels: dict[str, str]  #: ``sweep`` and ``role``, kept in the record
    out: Path  #: folder of the records, absolute
    corpus: Path  #: folder of the token arrays, which every worker maps into memory
    keep_state: bool = False  #: whether other runs start from it

    @property
    def record(self) -> Path:
        """File of the record; it is there when the run is finished."""
        return self.out / f"{self.config.run_id}.json"

    @property
    def state(self) -> Path:
        """File of the last weights and optimizer, for the runs that start from it."""
        return self.record.with_suffix(".state")

    @property
    def done(self) -> bool:
        """Whether all that is wanted of the run is there."""
        return self.record.exists() and (not self.keep_state or self.state.exists())


Stack = list[Task]  # of one lane, all in one process


class Outcome(NamedTuple):
    """How a stack ended.

    `error` is a sentence, or empty when all is well; `killed` means that the process
    died before it could say anything.

    >>> Outcome([], "out of memory", killed=True).error
    'out of memory'
    """

    stack: Stack
    error: str
    killed: bool = False


class Engine(Protocol):
    """What a sweep needs of an engine."""

    @property
    def slots(self) -> int:
        """Stacks at once."""

    def start(self, stack: Stack) -> None:
        """Begin a stack and return."""

    def wait(self, seconds: float) -> list[Outcome]:
        """Stacks that have ended, after at most `seconds`."""

    def stop(self) -> None:
        """End what is running."""


class LocalEngine:
    """Processes on this machine, one thread each.

    `jobs`: processes at once; `method`: of ``multiprocessing``; "forkserver" where
    there is one.

    >>> LocalEngine(2).slots
    2
    """

    def __init__(self, jobs: int = 1, method: str | None = None):
        self.slots = jobs
        self._context = worker_context(method)
        self._running: dict[Any, tuple[Stack, BaseProcess]] = {}

    def start(self, stack: Stack) -> None:
        """Begin a stack in a process of its own."""
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_process, args=(stack, sender))
        process.start()
        sender.close()  # else a dead worker would not be noticed
        self._running[receiver] = (stack, process)

    def wait(self, seconds: float) -> list[Outcome]:
        """Stacks that have ended, after at most `seconds`."""
        if not self._running:
            time.sleep(seconds)
        ended = connection.wait(list(self._running), seconds)
        return [self._outcome(receiver) for receiver in ended]

    def _outcome(self, receiver: Any) -> Outcome:
        stack, process = self._running.pop(receiver)
        try:
            return Outcome(stack, receiver.recv())
        except EOFError:
            process.join()
            return Outcome(stack, _last_words(process.exitcode), killed=True)
        finally:
            receiver.close()
            process.join()

    def stop(self) -> None:
        """Kill the processes; the runs they were in are not done."""
        for _, process in self._running.values():
            process.kill()
            process.join()
        self._running.clear()


def worker_context(method: str | None = None) -> Any:
    """The multiprocessing context of the workers; "forkserver" where there is one.

    >>> worker_context("spawn").get_start_method()
    'spawn'
    """
    known = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context(
        method or ("forkserver" if "forkserver" in known else "spawn")
    )
    if context.get_start_method() == "forkserver":
        for name, value in _KEEP_MEMORY.items():
            os.environ.setdefault(name, value)  # read when the server starts
        context.set_forkserver_preload([*_PRELOADED, __name__])
    return context


def _process(stack: Stack, sender: Any) -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    sender.send(attempt(stack))
    sender.close()


def die_with_parent() -> None:
    """End this worker at once when the process that started it is gone.

    >>> die_with_parent()  # not a worker: nothing happens
    """
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


def attempt(stack: Stack) -> str:
    """Do the tasks; returns what went wrong as a sentence, or an empty text.

    A fault of the library also leaves its traceback beside the records, as
    ``<run_id>.failed``.
    """
    failed = stack[0].record.with_suffix(".failed")
    failed.unlink(missing_ok=True)
    try:
        corpus = read_corpus(stack[0].corpus)
        for task, run in zip(stack, _trained(stack, corpus), strict=True):
            _keep(task, run, corpus)
    except UserError as error:
        return str(error)
    except Exception as error:  # one run must not end the others
        failed.write_text(traceback.format_exc(), encoding="utf-8")
        return f"{type(error).__name__}: {error} (traceback in {failed})"
    return ""


def _trained(stack: Stack, corpus: Corpus) -> list[Run]:
    configs = [task.config for task in stack]
    if configs[0].devices > 1:
        return [train_on_devices(config, stack[0].corpus) for config in configs]
    return train_lanes(configs, corpus, states=stack[0].out)


def _keep(task: Task, run: Run, corpus: Corpus) -> None:
    if task.keep_state and run.state is not None:
        run.state.save(task.state)
    add_roundings(run, task.config, corpus)
    if run.model is not None:
        save_model(run.model, task.config, task.record.with_suffix(".safetensors"))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    measured = {"peak_memory_mb": peak_memory_mb(), "finished": now}
    record = {**task.labels, **run.record, **measured}
    write_json(task.record, record)  # last: the run is finished when it is there


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MiB.

    >>> peak_memory_mb() > 1
    True
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024**2 if sys.platform == "darwin" else 1024), 1)


def _last_words(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"its process was killed by {name} (SIGKILL may mean: no memory left)"
    return f"its process ended with status {code} and no result"
