"""Runs on a Ray cluster: one task a run, with the processors and GPUs it asks for.

Needs the extra ``cluster`` (``pip install -e '.[cluster]'``), this library on every
node, and a folder of records that all nodes see.
"""

from __future__ import annotations

import logging
import socket
import time
from typing import Any

from precision_lib.errors import UserError
from precision_lib.sweep.engines import Outcome, Stack, attempt

PATIENCE = 3.0  # seconds for a connection


class RayEngine:
    """Tasks on a Ray cluster, as many at once as it has resources for.

    Raises UserError if Ray is not installed, nobody answers at the address, or no node
    has the resources of a run.

    `address`: ``host:port`` of a running cluster, or "auto" for the one of this
    machine. Without it a local cluster is started, with room for `jobs` runs. `jobs`:
    runs at once on a local cluster; `cpus`, `gpus`: resources of each run. A run sees
    only the GPUs that it owns.

    >>> RayEngine("127.0.0.1:1")
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: no Ray cluster answers at 127.0.0.1:1 ...
    """

    def __init__(
        self,
        address: str | None = None,
        jobs: int = 1,
        *,
        cpus: float = 1.0,
        gpus: float = 0.0,
    ):
        _reach(address)
        try:
            import ray
        except ImportError as error:
            raise UserError(
                "the engine 'ray' needs Ray; install it by: pip install -e '.[cluster]'"
            ) from error
        self._ray = ray
        size: dict[str, Any] = {"address": address or "local"}
        if address is None:
            size |= {"num_cpus": jobs * cpus, "include_dashboard": False}
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **size)
        except Exception as error:  # Ray raises no narrower one at a slow start
            first = str(error).partition("\n")[0]
            raise UserError(f"Ray could not be reached: {first}") from error
        self._needs = {"CPU": cpus, "GPU": gpus}
        if self.slots == 0:
            have = {k: ray.cluster_resources().get(k, 0.0) for k in self._needs}
            ray.shutdown()
            raise UserError(f"a run needs {self._needs}, the Ray cluster has {have}.")
        # A process a run, as on one machine; what failed is for the sweep to judge.
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0, "max_calls": 1}
        remote: Any = ray.remote
        self._attempt = remote(**options)(attempt)
        self._running: dict[Any, Stack] = {}

    @property
    def slots(self) -> int:
        """Runs at once: what the nodes that are up have room for."""
        have = self._ray.cluster_resources()
        return int(min(have.get(k, 0.0) // n for k, n in self._needs.items() if n))

    def start(self, stack: Stack) -> None:
        """Submit a stack."""
        self._running[self._attempt.remote(stack)] = stack

    def wait(self, seconds: float) -> list[Outcome]:
        """Stacks that have ended, after at most `seconds`."""
        if not self._running:
            time.sleep(seconds)
            return []
        ended, _ = self._ray.wait(list(self._running), timeout=seconds)
        return [self._outcome(reference) for reference in ended]

    def _outcome(self, reference: Any) -> Outcome:
        stack = self._running.pop(reference)
        try:
            return Outcome(stack, self._ray.get(reference))
        except self._ray.exceptions.RayError as error:
            kind = type(error).__name__
            return Outcome(stack, f"its Ray worker died ({kind})", killed=True)

    def stop(self) -> None:
        """Cancel what is running and leave the cluster."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        self._ray.shutdown()


def _reach(address: str | None) -> None:
    """Ask whether anybody listens; Ray itself would try for a minute."""
    if address is None or address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except (OSError, ValueError) as error:
        raise UserError(
            f"no Ray cluster answers at {address} ({error}); start one by "
            "'ray start --head', or leave --ray-address out for a local one."
        ) from error
