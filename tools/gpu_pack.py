"""Pack plans and their text for a machine with a GPU, and take in what it trained.

A rented machine has no network, little room for files and not all of the packages. It
gets one folder, and ``python -m tools.gpu`` there needs torch, numpy and pandas alone:

    python -m tools.gpu_pack pack base ladder --out bundle
    python -m tools.gpu bundle --out trained --seconds 480   # over there
    python -m tools.gpu_pack unpack trained --bundle bundle --models models
    python -m tools.add_records trained/records.jsonl
"""

from __future__ import annotations

import argparse
import json
import lzma
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

from precision_lib.paths import cache_folder, table_folder
from precision_lib.sweep.plans import read_plan
from precision_lib.sweep.preflight import rough_seconds
from precision_lib.sweep.records import finished_ids
from precision_lib.text.corpus import save_corpus
from precision_lib.text.loading import load_corpus
from precision_lib.training.checkpoints import save_model
from precision_lib.training.config import RunConfig
from precision_lib.training.optimize import new_model
from precision_lib.training.state import put_weights
from tools.add_records import read_lines
from tools.gpu import Job, finished, read_jobs, read_weights

DATA = table_folder()


def pack(
    plans: list[str], out: Path, *, corpora: set[str] | None = None, first_seed: int = 0
) -> int:
    """Write the runs of `plans` that are not in the tables, and the text they read.

    On "cuda", with seeds that begin at `first_seed`: runs of two devices are never
    paired. The first plans come first, in each the shortest runs. The text is
    compressed once and kept in the user's cache. Returns the number of runs.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = finished_ids(out, DATA)
    jobs = []
    for name in plans:
        plan = read_plan(DATA / "plans" / f"{name}.yaml")
        labels = {"sweep": plan.name, "role": plan.role}
        configs = [on_gpu(config, first_seed) for config in plan.configs()]
        configs.sort(key=rough_seconds)
        jobs += [Job(c, labels) for c in configs if c.run_id not in done]
    jobs = [job for job in jobs if corpora is None or job.config.corpus in corpora]
    (out / "jobs.pickle").write_bytes(pickle.dumps(jobs))
    for name in sorted({job.config.corpus for job in jobs}):
        _pack_corpus(name, out / name)
    return len(jobs)


def on_gpu(config: RunConfig, first_seed: int) -> RunConfig:
    """The same run on "cuda", its seed moved on; a plan for a GPU stays as it is."""
    if config.device == "cuda":
        return config
    start = config.start_from and on_gpu(config.start_from, first_seed)
    seed = config.seed + first_seed
    return replace(config, device="cuda", seed=seed, start_from=start)


def _pack_corpus(name: str, folder: Path) -> None:
    corpus = load_corpus(name)
    packed = cache_folder() / "packed" / f"{corpus.digest[:12]}.xz"
    if not packed.exists():
        packed.parent.mkdir(parents=True, exist_ok=True)
        packed.write_bytes(lzma.compress(corpus.train.tobytes()))
    shutil.rmtree(folder, ignore_errors=True)
    save_corpus(corpus, folder)
    (folder / "train.npy").unlink()
    shutil.copyfile(packed, folder / "train.xz")


def unpack(trained: Path, bundle: Path, models: Path) -> int:
    """Write the models that came along, and round those that the time did not reach.

    Their records join the others in ``records.jsonl``; returns how many there are.
    """
    models.mkdir(parents=True, exist_ok=True)
    jobs = {job.config.run_id: job for job in read_jobs(bundle)}
    weights = {
        run_id: tensor
        for path in sorted(trained.glob("*.safetensors"))
        for run_id, tensor in read_weights(path).items()
    }
    for run_id, tensor in weights.items():
        config = jobs[run_id].config
        model = new_model(config, "cpu")
        put_weights(model, tensor)
        save_model(model, config, models / f"{run_id}.safetensors")
    known = {record["run_id"] for record in read_lines(trained / "records.jsonl")}
    with (trained / "records.jsonl").open("a", encoding="utf-8") as file:
        for record in read_lines(trained / "unrounded.jsonl"):
            run_id = record["run_id"]
            if run_id not in known:
                corpus = load_corpus(jobs[run_id].config.corpus)
                whole = finished(jobs[run_id], weights[run_id], record, corpus)
                print(json.dumps(whole), file=file, flush=True)
                known.add(run_id)
    return len(known)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="write the bundle")
    packing.add_argument("plans", nargs="+")
    packing.add_argument("--out", type=Path, required=True)
    packing.add_argument("--first-seed", type=int, default=110)
    packing.add_argument("--corpora", nargs="+", help="leave out runs on other text")
    unpacking = commands.add_parser("unpack", help="take in what was trained")
    unpacking.add_argument("trained", type=Path)
    unpacking.add_argument("--bundle", type=Path, required=True)
    unpacking.add_argument("--models", type=Path, required=True)
    given = parser.parse_args()
    if given.command == "pack":
        corpora = set(given.corpora) if given.corpora else None
        print(
            pack(given.plans, given.out, corpora=corpora, first_seed=given.first_seed),
            "runs",
        )
    else:
        print(unpack(given.trained, given.bundle, given.models), "records")


if __name__ == "__main__":
    main()
