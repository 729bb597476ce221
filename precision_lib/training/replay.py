"""A training step as a CUDA graph: hundreds of kernels started as one."""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch

from precision_lib.training.step import Lanes

FULL = 2**23  # numbers of width times tokens of a step that fill a GPU
_ONE_CAPTURE = threading.Lock()  # stacks may train in several threads
WARM_UP = 3  # steps before the capture: torch's choice for its own graphed callables


def fast_step(lanes: Lanes) -> Callable[[], object]:
    """What trains `lanes` by one step: a graph's replay on a GPU, else the step itself.

    Small models spend their time on starting kernels; a graph starts all of a step at
    once (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs). The steps
    that warm up are taken back.
    """
    if lanes.weights.device.type != "cuda" or lanes.share.world > 1:
        return lanes.step
    state = [lanes.weights, lanes.first, lanes.second, lanes.total, lanes.at]
    before = [tensor.clone() for tensor in state]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            lanes.at.zero_()  # the warm-up stays inside the order, however short
            lanes.step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with (
        _ONE_CAPTURE,
        torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"),
    ):
        lanes.step()
    for tensor, old in zip(state, before, strict=True):
        tensor.copy_(old)
    return graph.replay
