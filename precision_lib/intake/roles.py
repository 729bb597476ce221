"""Which column names the run, the step, the split and the state."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

ROLES = {  # what a column may be called, the surest name first
    "run": ("run_id", "trial_id", "run", "run_name"),
    "step": ("step", "global_step", "iteration", "iter", "training_iteration",
             "train_step", "iter_num", "num_updates", "epoch"),
    "split": ("split", "phase", "stage", "mode", "subset"),
    "state": ("state", "status", "run_status", "trial_status"),
}  # fmt: skip
OWN_IDS = ("run_id", "trial_id")  # no two runs share one
TRAIN = {"train", "training"}
HELD_OUT = ("val", "valid", "validation", "dev", "eval", "evaluation", "test",
            "heldout", "holdout")  # fmt: skip


def plain(name: str) -> str:
    """A name without case and punctuation.

    >>> plain("Run ID"), plain("_step")
    ('run_id', 'step')
    """
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_")


def roles(header: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Our names of runs, steps, splits and states to the file's, where it has them.

    >>> roles(["Run ID", "trainer/global_step", "loss"], {})
    {'run': 'Run ID', 'step': 'trainer/global_step'}
    """
    found = {name: columns[name] for name in ROLES if name in columns}
    for role, known in ROLES.items():
        ends = [(plain(re.split(r"[./]", n)[-1]), plain(n), n) for n in header]
        for word in known:
            inner = role == "step"  # which trackers put behind a point
            like = [n for end, whole, n in ends
                    if whole == word or (inner and end == word)]  # fmt: skip
            if like:
                found.setdefault(role, like[0])
    return found


def split_of(text: object) -> str:
    """The split that a word or the name of a file speaks of; "" for none.

    >>> split_of("eval_metrics"), split_of("Train"), split_of("metrics")
    ('eval', 'train', '')
    """
    words = re.split(r"[\W_]+", str(text).lower())
    if TRAIN & set(words):
        return "train"
    return next((word for word in HELD_OUT if word in words), "")
