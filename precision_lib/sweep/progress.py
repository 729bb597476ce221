"""How far a sweep is, and when it will end, weighted by what each run costs."""

from __future__ import annotations

import heapq
import sys
import time
from collections.abc import Iterable

from tqdm import tqdm


def time_left(running: Iterable[float], waiting: Iterable[float], slots: int) -> float:
    """Seconds until all is done, by `slots` workers.

    `running`, `waiting`: seconds that each run still takes; the waiting ones are
    started in their order.

    >>> time_left([10.0], [4.0, 4.0, 4.0], slots=2)
    12.0
    """
    free = sorted(running)[-slots:]
    free += [0.0] * (slots - len(free))
    heapq.heapify(free)
    for seconds in waiting:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


class _Bar(tqdm):  # type: ignore[misc]
    """Without the thread that redraws: a process with threads should not fork."""

    monitor_interval = 0


class Progress:
    """A bar of priced seconds with the time to the end.

    What the finished runs took, divided by what they were priced at, corrects the
    prices of the rest.

    `prices`: predicted seconds of each run that is to be done; `slots`: runs at once.

    >>> progress = Progress({"a": 2.0, "b": 2.0}, slots=1)
    >>> progress.start("a"); progress.left() <= 4.0
    True
    >>> progress.end("a"); progress.finished, progress.left() < 2.0
    (1, True)
    >>> progress.close()
    """

    def __init__(self, prices: dict[str, float], slots: int):
        self.finished = 0
        self._prices = prices
        self._slots = slots
        self._waiting = dict(prices)
        self._started: dict[str, tuple[float, int]] = {}  # when, in how many lanes
        self._took = self._priced = 0.0
        self._bar = _Bar(
            total=sum(prices.values()),
            bar_format="{percentage:3.0f}%|{bar}| {postfix}",
            mininterval=0.5 if sys.stderr.isatty() else 60.0,
            leave=False,
        )

    def start(self, run: str, lanes: int = 1) -> None:
        """A run has begun, as one of so many lanes that share the time."""
        self._waiting.pop(run, None)
        self._started[run] = time.monotonic(), lanes

    def end(self, run: str, *, done: bool = True) -> None:
        """A run has ended; not `done` puts it back, or drops it from the count."""
        begun = self._started.pop(run, None)
        if done:
            self._waiting.pop(run, None)
            self.finished += 1
            if begun is not None:
                self._took += (time.monotonic() - begun[0]) / begun[1]
                self._priced += self._prices[run]
        self.show()

    def left(self) -> float:
        """Seconds to the end."""
        factor = self._took / self._priced if self._priced else 1.0
        now = time.monotonic()
        running = [
            max(0.0, factor * self._prices[run] * lanes - (now - begun))
            for run, (begun, lanes) in self._started.items()
        ]
        waiting = (factor * seconds for seconds in self._waiting.values())
        return time_left(running, waiting, self._slots)

    def show(self) -> None:
        """Draw the bar where it is now."""
        now = time.monotonic()
        factor = self._took / self._priced if self._priced else 1.0
        open_ = sum(self._waiting.values())
        for run, (begun, lanes) in self._started.items():
            took = (now - begun) / lanes / max(factor, 1e-9)
            open_ += max(0.0, self._prices[run] - took)
        words = f"{self.finished} of {len(self._prices)} runs, "
        self._bar.n = max(0.0, self._bar.total - open_)
        self._bar.set_postfix_str(words + f"{in_words(self.left())} to go", False)
        self._bar.update(0)

    def say(self, sentence: str) -> None:
        """A line above the bar."""
        self._bar.write(sentence, file=sys.stderr)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


def in_words(seconds: float) -> str:
    """A length of time to two places.

    >>> in_words(42), in_words(130), in_words(9025)
    ('42 s', '2 min', '2 h 30 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
