"""The commands about laws: right numbers, readable tables, one sentence on a fault."""

from __future__ import annotations

import inspect
import itertools
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from precision_lib import decide
from precision_lib.cli import laws as cli_laws, report as cli_report
from precision_lib.cli.app import make_app
from precision_lib.cli.report import report
from precision_lib.decide.cost import rule_words
from precision_lib.decide.decision import LABELS
from precision_lib.decide.paper import WARNING
from precision_lib.errors import UserError
from precision_lib.laws import (
    example_fit,
    example_table,
    fit,
    get_law,
    list_laws,
    load_fits,
    planted_params,
    planted_table,
    save_fits,
)
from precision_lib.laws.compare import compare as laws_compare
from precision_lib.laws.fit import MORE_STARTS, STARTS
from precision_lib.report.fitted_laws import judged_fit

app = make_app(cli_laws.COMMANDS)


def call(*arguments: object) -> str:
    """Run a command; its output, or the exception it ended with."""
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def call_json(*arguments: object) -> dict:
    return json.loads(call(*arguments, "--json"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "runs.csv"
    table = pd.DataFrame(example_table())
    table.rename(columns={"N": "params"}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def fitted(runs: Path) -> Path:
    out = runs.with_name("fit.json")
    call("fit", runs, "--law", "chinchilla", "--columns", "N=params",
         "--bootstrap", 50, "--out", out)  # fmt: skip
    return out


def test_laws_lists_every_law_with_its_formula() -> None:
    text = call("laws")
    record = call_json("laws")
    assert [law["name"] for law in record["laws"]] == [k.name for k in list_laws()]
    for law in list_laws():
        assert f"{law.name}: " in text and law.formula in text
        for parameter in law.parameters:
            assert parameter.name in text and parameter.meaning in text


def test_fit_agrees_with_the_library_and_has_the_promised_keys(runs: Path) -> None:
    record = call_json("fit", runs, "--law", "chinchilla", "--columns", "N=params")
    promised = {"law", "n", "params", "objective", "r2", "share_at_best", "ci"}
    assert promised | {"warnings"} <= set(record)
    expected = example_fit()
    assert record["n"] == expected.n and record["law"] == "chinchilla"
    assert record["params"] == pytest.approx(expected.params, rel=1e-5)
    assert record["objective"] == pytest.approx(expected.objective, rel=1e-6)


def test_fit_table_is_readable(runs: Path) -> None:
    text = call("fit", runs, "--law", "chinchilla", "--columns", "N=params",
                "--fix", "E=1.8", "--where", "D > 2e8", "--bootstrap", 20)  # fmt: skip
    assert "L = E + A N^-alpha + B D^-beta" in text
    assert "held" in text and "95% interval" in text and "25 runs" in text


def test_options_reach_the_fit(runs: Path, fitted: Path) -> None:
    base = ("fit", runs, "--law", "chinchilla", "--columns", "N=params")
    few = call_json(*base, "--where", "N < 5e8 and seed != 0", "--starts", 7)
    assert few["n"] == 16 and few["starts"] == 7
    wide = call_json(*base, "--delta", 10)
    assert wide["delta"] == 10 and wide["objective"] != few["objective"]
    held = call_json(*base, "--fix", "E=1.8")
    assert held["params"]["E"] == 1.8 and held["fixed"] == {"E": 1.8}
    (saved,) = load_fits(fitted)
    assert len(saved.replicates["E"]) == 50 and set(saved.ci) == set(saved.params)
    again = call_json(*base, "--bootstrap", 50)
    assert again["ci"]["alpha"] == pytest.approx(saved.ci["alpha"])
    other = call_json(*base, "--bootstrap", 50, "--seed", 1)
    assert other["ci"]["alpha"] != pytest.approx(saved.ci["alpha"], rel=1e-9)
    residual = call_json(*base, "--bootstrap", 50, "--resample", "residual")
    assert residual["ci"]["alpha"] != pytest.approx(saved.ci["alpha"], rel=1e-9)
    clusters = call_json(*base, "--bootstrap", 50, "--cluster", "seed")
    assert clusters["ci"]["alpha"] != pytest.approx(saved.ci["alpha"], rel=1e-9)


@pytest.mark.slow
def test_runs_of_several_rows_are_drawn_whole_without_being_told(tmp_path) -> None:
    """Rows of one run share its luck: drawn one by one they look too sure."""
    draw = np.random.default_rng(0)
    table = pd.DataFrame(planted_table("chinchilla", 120)).sort_values("D")
    table["run_id"] = [f"r{k}" for k in draw.permutation(np.arange(120) % 20)]
    luck = dict(zip(table["run_id"].unique(), draw.normal(0, 0.02, 20), strict=True))
    table["loss"] *= np.exp(table["run_id"].map(luck))
    table.to_csv(tmp_path / "rows.csv", index=False)
    base = ("fit", tmp_path / "rows.csv", "--law", "chinchilla", "--bootstrap", 60,
            "--starts", 4)  # fmt: skip
    untold = call_json(*base)["ci"]
    assert untold == call_json(*base, "--cluster", "run_id")["ci"]
    assert untold != call_json(*base, "--resample", "pairs")["ci"]
    out = tmp_path / "page.html"
    report_app = make_app(cli_report.COMMANDS)
    done = CliRunner().invoke(report_app, [
        str(tmp_path / "rows.csv"), "--out", str(out), "--bootstrap", "20",
        "--starts", "2"])  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "drawn by the cluster bootstrap" in out.read_text()


def test_odd_columns_beside_a_law_end_no_fit(tmp_path) -> None:
    """Times, groups and runs are tried where they can be read, else left alone."""
    table = pd.DataFrame(planted_table("chinchilla", 40, noise=0.004))
    days = [f"2026-01-{1 + k % 28:02d}" for k in range(40)]
    odd = table.assign(Date="never", date=days, seed=[None, "a"] * 20,
                       run=["[1]", ""] * 20)  # fmt: skip
    odd.to_json(tmp_path / "rows.json", orient="records")
    odd.to_csv(tmp_path / "rows.csv", index=False)
    for name in ("rows.csv", "rows.json"):
        record = call_json("fit", tmp_path / name, "--law", "chinchilla", "--starts", 2,
                           "--bootstrap", 5)  # fmt: skip
        assert record["n"] == 40 and record["misfits"] == []


def test_compare_agrees_with_the_library(runs: Path) -> None:
    base = ("compare", runs, "--laws", "chinchilla,chinchilla-tied")
    base = (*base, "--columns", "N=params")
    rule = ("--hold-out", "D/N > 200 and seed >= 0")
    record = call_json(*base, *rule)
    table = pd.DataFrame(example_table())
    held = (table["D"] / table["N"] > 200).to_numpy()
    expected = laws_compare(table, ["chinchilla", "chinchilla-tied"], held)
    assert [s["law"] for s in record["scores"]] == [s.law for s in expected.scores]
    for found, known in zip(record["scores"], expected.scores, strict=True):
        assert found["held_out_r2"] == pytest.approx(known.held_out_r2, rel=1e-6)
        assert found["n_held_out"] == held.sum()
    text = call(*base, *rule)
    assert "chinchilla-tied" in text and "D/N > 200" in text and "held-out R2" in text
    folded = call_json(*base, "--folds", 3, "--by", "seed")
    assert folded["held_out"] == "3-fold cross-validation"
    assert folded["scores"][0]["n_held_out"] == len(table)


def test_predict_agrees_with_the_library(fitted: Path) -> None:
    record = call_json("predict", fitted, "--N", "1e8", "--D", "1e10")
    (saved,) = load_fits(fitted)
    row = {"N": [1e8], "D": [1e10]}
    assert record["value"] == pytest.approx(float(saved.predict(row)[0]))
    laws = [saved, *saved.ties]  # those that predict left-out runs as well are covered
    draws = [each.predict_replicates(row)[:, 0] for each in laws]
    ends = [np.percentile(each, [2.5, 97.5]) for each in draws]
    ends += [[float(tie.predict(row)[0])] * 2 for tie in saved.ties]
    assert record["interval"] == pytest.approx([np.min(ends), np.max(ends)])
    (said,) = record["warnings"]
    assert saved.ties and said.startswith(
        "Intervals also cover coupled, which predicts"
    )
    text = call("predict", fitted, "--N", "1e12", "--D", "1e10", FAR)
    assert text.startswith("loss ") and "outside the runs that were fitted" in text


def test_predict_needs_what_the_law_reads(tmp_path: Path, fitted: Path) -> None:
    with pytest.raises(UserError, match="needs D; give it with --D"):
        call("predict", fitted, "--N", "1e8")
    with pytest.raises(UserError, match="N is -1; give a number above zero"):
        call("predict", fitted, "--N", -1, "--D", 1)
    paper = tmp_path / "paper.json"
    save_fits([decide.paper_fit()], paper)
    bits = ("--weight-bits", 4, "--activation-bits", 8, "--kv-bits", 8)
    value = call_json("predict", paper, "--N", 1e8, "--D", 1e10, *bits)["value"]
    row = {"N": [1e8], "D": [1e10], "weight_bits": [4]}
    row |= {"activation_bits": [8], "kv_bits": [8]}
    assert value == pytest.approx(float(decide.paper_fit().predict(row)[0]))
    with pytest.raises(UserError, match="needs kv_bits; give it with --kv-bits"):
        call("predict", paper, "--N", 1e8, "--D", 1e10, *bits[:4])
    told = "needs activation_bits and kv_bits; give them with --activation-bits ... "
    with pytest.raises(UserError, match=f"{told}--kv-bits ... .16 where nothing is"):
        call("predict", paper, "--N", 1e8, "--D", 1e10, *bits[:2])
    rounding = tmp_path / "ptq.json"
    save_fits([decide.paper_degradation()], rounding)
    text = call("predict", rounding, "--N", 3e7, "--D", 2.6e10, "--post-bits", 3)
    assert text == "delta 0.5858 nats/token\n"


FAR = "--extrapolate"


@pytest.mark.parametrize(
    ("question", "options", "answer"),
    [
        ("effective-size", ["--N", 1e8, "--D", 1e10, "--bits", 4],
         lambda s: decide.effective_size(s, 1e8, 1e10, 4)),
        ("optimal-precision", ["--budget", 1e21, FAR],
         lambda s: decide.optimal_precision(s, 1e21)),
        ("allocation", ["--budget", 1e21, "--bits", 8, FAR],
         lambda s: decide.allocation(s, 1e21, 8)),
        ("precision-at-size",
         ["--budget", 1e21, "--N", 1e9, "--most-bits", 9, FAR],
         lambda s: decide.precision_at_size(s, 1e21, 1e9, (3.0, 9.0))),
        ("critical-data", ["--N", 3e7, "--post-bits", 4],
         lambda s: decide.critical_data(s, 3e7, 4)),
        ("serving-memory", ["--memory", 1e9, "--D", 1e10],
         lambda s: decide.serving_memory(s, 1e9, 1e10)),
        ("serving-memory", ["--memory", 1e9, "--D", 1e10, "--rounded"],
         lambda s: decide.serving_memory(s, 1e9, 1e10, rounded=True)),
        ("inference-cost", ["--memory", 1e9, FAR],
         lambda s: decide.inference_cost(s, 1e9)),
        ("rounding-cost", ["--N", "100M", "--D", "10B", "--post-bits", 4],
         lambda s: decide.rounding_cost(s, 1e8, 1e10, 4)),
    ],
)  # fmt: skip
def test_decide_agrees_with_the_library(question: str, options: list, answer) -> None:
    surface = decide.surface(decide.paper_fit(), decide.paper_degradation())
    expected = answer(surface).to_dict()
    record = call_json("decide", "paper", question, *options)
    assert record["notes"].pop() == WARNING
    if "--budget" in options:
        assert record["notes"].pop(0) == rule_words("all")
    if "--most-bits" in options:  # the optimum lies there
        assert record["notes"].pop().startswith("3 to 9 bits were searched")
    assert record == expected
    text = call("decide", "paper", question, *options)
    for name in expected["values"]:
        assert LABELS[name] in text


def test_decide_contour_and_intervals(fitted: Path, tmp_path: Path) -> None:
    options = ("iso-loss", "--loss", 3.5, "--D", 2e10, "--bits", "2,4,8")
    record = call_json("decide", "paper", *options)
    surface = decide.surface(decide.paper_fit())
    contour = decide.iso_loss(surface, 3.5, 2e10, [2, 4, 8])
    assert record["contour"][0]["N"] is None
    assert [p["N"] for p in record["contour"][1:]] == pytest.approx(contour.N[1:])
    text = call("decide", "paper", *options)
    assert "N for a loss of 3.5" in text and "outside the runs" in text
    assert [p["outside"] for p in record["contour"]] == ["P", "N", ""]
    answer = call_json("decide", fitted, "allocation", "--budget", 1e18)
    low, high = answer["intervals"]["N"]
    assert low < answer["values"]["N"] < high
    rounding = tmp_path / "ptq.json"
    save_fits([decide.paper_degradation()], rounding)
    options = ("critical-data", "--N", 1e8, "--post-bits", 4)
    answer = call_json("decide", fitted, *options, "--degradation", rounding)
    paper = call_json("decide", fitted, *options, "--degradation", "paper")
    assert answer == paper and answer["values"]["D"] > 0
    held = ("--set", "kv_bits=16,weight_bits=16", "--memory", 1e9, "--D", 1e10)
    answer = call_json("decide", "paper", "serving-memory", *held)
    assert answer["values"]["P"] != pytest.approx(7.0, abs=0.1)


def test_bits_are_searched_from_the_fewest_of_the_runs(tmp_path: Path) -> None:
    table = pd.DataFrame(planted_table("effective-weights", 90, 0.003, seed=1))
    found = fit(table[table["weight_bits"] >= 6], "effective-weights", starts=4)
    save_fits([found], tmp_path / "fit.json")
    asked = (tmp_path / "fit.json", "optimal-precision", "--budget", 1e18, FAR)
    text = call("decide", *asked)
    assert "6 or fewer" in text and "6 to 16 bits were searched" in text
    assert "5 or fewer" in call("decide", *asked, "--least-bits", 5)
    with pytest.raises(UserError, match="Of the answer, N = .* --extrapolate to see"):
        call("decide", tmp_path / "fit.json", "allocation", "--budget", 1e25)


ROUNDED = ("--map", "N=params_M,D=tokens_B,loss=val,post_bits=gptq,post_loss=after",
           "--parameters-unit", "M", "--tokens-unit", "B")  # fmt: skip


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs rounded to three widths, in a naming of their own."""
    base, added = example_fit(), decide.paper_degradation()
    draw, rows = np.random.default_rng(0).standard_normal, []
    for n, d in itertools.product((3e7, 6e7, 1.2e8, 2.4e8), np.geomspace(1e9, 3e10, 6)):
        loss = float(base.predict({"N": [n], "D": [d]})[0]) * np.exp(0.002 * draw())
        for bits in (3, 4, 6):
            row = {"N": [n], "D": [d], "post_bits": [bits]}
            delta = float(added.predict(row)[0]) * np.exp(0.03 * draw())
            rows.append((n / 1e6, d / 1e9, loss, f"w{bits}", loss + delta))
    path = tmp_path_factory.mktemp("own") / "own.csv"
    names = ["params_M", "tokens_B", "val", "gptq", "after"]
    pd.DataFrame(rows, columns=names).to_csv(path, index=False)
    return path


FEW = ("--bootstrap", 60, "--starts", 8)


@pytest.fixture(scope="module")
def saved(own: Path) -> Path:
    """The laws that a report saves of these runs."""
    out, page = own.with_name("laws.json"), own.with_name("page.html")
    asked = [own, *ROUNDED, *FEW, "--save-fit", out, "--out", page]
    report_app = make_app(cli_report.COMMANDS)
    done = CliRunner().invoke(report_app, [str(each) for each in asked])
    assert done.exit_code == 0, done.output
    return out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "question"),
    [
        ("decide", ("serving-widths", "--memory", "2e9", "--D", "30B")),
        ("decide", ("rounding-cost", "--N", "500M", "--D", "30B", "--post-bits", 4)),
        ("decide", ("allocation", "--budget", 1e20)),
        ("predict", ("--N", "500M", "--D", "30B", "--post-bits", 4)),
        ("next-run", ()),
        ("next-run", ("--budget", 1e20)),
    ],
)
def test_a_table_of_runs_is_asked_as_the_laws_that_report_saves_of_it(
    command: str, question: tuple, own: Path, saved: Path
) -> None:
    found = call_json(command, own, *question, *ROUNDED, *FEW)
    known = call_json(command, saved, *question)
    answers = {"widths", "values", "intervals", "value", "interval", "next"} & {*known}
    assert answers and all(found[name] == known[name] for name in answers)
    said = " ".join(found["notes" if "notes" in found else "warnings"])
    assert "chinchilla was fitted to 24 rows" in said
    assert ("ptq was fitted to 72 rows" in said) == ("--budget" not in question)


def test_a_chance_that_is_next_to_none_is_not_printed_as_nought() -> None:
    asked = ["--N", 98064, "--D", 2.9e6, "--post-bits", 4, "--measured"]
    for delta, word in ((0.9, "under 1 in 1000"), (0.017, "0.")):
        (line,) = (
            line
            for line in call("decide", "ours", "rounding-cost", *asked, delta).split(
                "\n"
            )
            if line.startswith("chance")
        )
        assert line.split("as far off")[1].strip().startswith(word)


def test_widths_of_one_memory_are_shown_side_by_side() -> None:
    options = ("serving-widths", "--memory", 1e9, "--D", "10B")
    surface = decide.surface(decide.paper_fit(), decide.paper_degradation())
    found = decide.serving_widths(surface, 1e10, memory=1e9)
    record = call_json("decide", "paper", *options)
    assert [row["loss"] for row in record["widths"]] == pytest.approx(found.loss)
    assert [row["low"] for row in record["widths"]] == [None] * 4
    text = call("decide", "paper", *options)
    assert "above" in text and found.notes[0] in text


def test_widths_of_a_budget_name_the_rule_of_its_cost() -> None:
    options = ("training-widths", "--budget", 1e18, "--within", 0.02, "--bits", "4,8")
    found = decide.training_widths(decide.surface(decide.paper_fit()), 1e18, 0.02,
                                   (4, 8), "b200")  # fmt: skip
    record = call_json("decide", "paper", *options, "--cost-rule", "b200")
    assert [row["loss"] for row in record["widths"]] == pytest.approx(found.loss)
    assert record["notes"][0] == rule_words("b200")
    text = call("decide", "paper", *options, "--cost-rule", "b200")
    assert "nearly" in text and "https://" in text


def test_without_offsets_the_paper_does_not_reach_its_own_bits() -> None:
    options = ("optimal-precision", "--budget", 1e21, FAR)
    with_them = call_json("decide", "paper", *options)["values"]["P"]
    without = call_json("decide", "paper-no-offset", *options)["values"]["P"]
    assert with_them == pytest.approx(7.0, abs=0.01)
    assert without == pytest.approx(3.5, abs=0.1)


ALLOT = ["decide", "FIT", "allocation", "--budget", 1e18]
BEST = ["decide", "paper", "optimal-precision", "--budget", 1e18]
FIT = ["fit", "RUNS", "--law", "chinchilla", "--columns", "N=params"]
COMPARE = ["compare", "RUNS", "--laws", "chinchilla", "--columns", "N=params"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit", "RUNS", "--law", "none"], "there is no law 'none'"),
        (["fit", "absent.csv", "--law", "chinchilla"], "there is no such file"),
        (["fit", "RUNS", "--law", "chinchilla"], "is missing; the columns are"),
        (["fit", "RUNS", "--law", "chinchilla", "--columns", "params"], "name=value"),
        (["fit", "RUNS", "--law", "chinchilla", "--columns", "N=a,N=b"], "twice"),
        ([*FIT, "--where", "N>"],
         "is not understood"),
        ([*FIT, "--where", "N>1e99"],
         "keeps none of the 30 rows"),
        ([*FIT, "--where", "N<2e6"],
         "column 'N'"),
        ([*FIT, "--fix", "E=x"],
         "is not a number"),
        ([*FIT, "--fix", "F=1"],
         "no parameter 'F'"),
        ([*FIT, "--delta", "-1"],
         "delta is -1"),
        ([*FIT, "--cluster", "group", "--bootstrap", 20],
         "no column 'group'; the columns are"),
        ([*FIT, "--cluster", "seed"],
         "say how many with --bootstrap"),
        ([*FIT, "--out", "no/f.json"],
         "there is no folder"),
        ([*COMPARE, "--laws", "chinchilla,none"], "no law 'none'"),
        ([*COMPARE, "--hold-out", "N > 1e99"], "holds out none of the 30 rows"),
        ([*COMPARE, "--hold-out", "N > 0"], "holds out all of the 30 rows"),
        ([*COMPARE, "--hold-out", "M > 0"], "no column 'M'; the columns are"),
        ([*COMPARE, "--hold-out", "open(0)"], "a call is not allowed"),
        ([*COMPARE, "--folds", 1], "folds is 1"),
        (["predict", "absent.json"], "cannot read the fit"),
        (["next-run", "absent.json"], "cannot read the fit"),
        (["next-run", "paper"], "holds no intervals that a run could narrow"),
        (["next-run", "ours", "--of", "x"], "no constant 'x', only E, A, alpha"),
        (["next-run", "ours", "--of", "E", "--budget", 1e12], "give one of them"),
        (["next-run", "ours", "--cost-rule", "max"], "--cost-rule is not used by"),
        (["next-run", "ours", "--most", 1], "No run within reach costs as little"),
        (["predict", "RUNS"], "'N' is missing"),
        (["decide", "absent.json", "allocation", "--budget", 1, "--bits", 1],
         "cannot read the fit"),
        (["decide", "RUNS", "allocation", "--budget", 1e18, "--bits", 16],
         "is missing; the columns are"),
        (["decide", "RUNS", "allocation", "--budget", 1e18, "--bits", 16, "--map",
          "N=params", "--where", "N < 2e6"], "that differ in N and in D. No"),
        (["decide", "paper", "allocation", "--budget", 1e18, "--bits", 16, "--map",
          "N=params"], "--map is not used by paper, which holds constants and no runs"),
        (["decide", "FIT", "training-widths", "--budget", 1e18],
         "does not depend on the bits of training"),
        (["decide", "RUNS", "quantization-start", "--N", 1e8, "--D", 1e9, "--bits", 4,
          "--map", "N=params"], "qat_share is missing"),
        (["decide", "ours", "quantization-start", "--N", 2e4, "--D", 1e6, "--bits", 4],
         "No law of it is fitted to our runs, which say this: Full precision first"),
        (["decide", "paper", "allocation", "--bits", 1], "needs --budget"),
        (["decide", "paper", "rounding-cost", "--N", 2500, "--D", 1e10, "--post-bits",
          4], "N = 2.5K is more than 10 times beyond the runs"),
        (["decide", "paper", "optimal-precision", "--budget", 1e21],
         "N = 5.34B is more than 10 times beyond the runs"),
        (["decide", "paper", "allocation", "--bits", 1, "--budget", 1, "--loss", 3],
         "allocation does not use --loss; it takes --budget, --bits"),
        (["decide", "paper", "iso-loss", "--bits", 4, "--D", 1, "--loss", 3,
          "--rounded"], "iso-loss does not use --rounded"),
        (["decide", "paper", "allocation", "--budget", 1, "--bits", "x"],
         "not a number or a list"),
        (["decide", "paper", "allocation", "--budget", 1, "--bits", "3,4"],
         "takes one number of --bits"),
        (["decide", "paper", "allocation", "--budget", -1, "--bits", "3"],
         "budget is -1"),
        (["decide", "paper", "training-widths", "--budget", 1e9, "--cost-rule", "x"],
         "no cost rule 'x'; choose from all, max, parts, a100"),
        (["decide", "paper", "quantization-start", "--N", 1e8, "--D", 1e10, "--bits",
          4], "does not know when quantized training started"),
        (["decide", "paper", "rounding-cost", "--N", 1e8, "--D", 1e10, "--post-bits",
          4, "--cost-rule", "max"], "does not use --cost-rule"),
        (["decide", "paper", "optimal-precision", "--budget", 1e9, "--set", "a"],
         "name=value"),
    ],
)  # fmt: skip
def test_faults_are_one_sentence(
    arguments: list, said: str, runs: Path, fitted: Path
) -> None:
    before, given = sorted(runs.parent.iterdir()), {"RUNS": runs, "FIT": fitted}
    with pytest.raises(UserError) as caught:
        call(*[given.get(each, each) for each in arguments])
    message = str(caught.value)
    assert said in message and "\n" not in message
    assert sorted(runs.parent.iterdir()) == before


def test_an_unwritable_place_is_one_sentence(runs: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.json"
    taken.mkdir()
    (taken / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        call("fit", runs, "--law", "chinchilla", "--columns", "N=params",
             "--out", taken)  # fmt: skip


@pytest.fixture(scope="module")
def both(fitted: Path) -> Path:
    """A file with a law of the loss and one of rounding."""
    out = fitted.with_name("both.json")
    save_fits([*load_fits(fitted), decide.paper_degradation()], out)
    return out


def test_a_file_of_two_laws_predicts_the_rounded_loss(both: Path, fitted: Path) -> None:
    at = ("--N", 1e8, "--D", 1e10)
    plain = call_json("predict", both, *at)
    assert plain == call_json("predict", both, "--N", "100M", "--D", "10B")
    assert plain == call_json("predict", fitted, *at)
    added = decide.paper_degradation()
    for bits in (4, 8):
        found = call_json("predict", both, *at, "--post-bits", bits)
        row = {"N": [1e8], "D": [1e10], "post_bits": [bits]}
        delta = float(added.predict(row)[0])
        assert found["value"] == pytest.approx(plain["value"] + delta, rel=1e-12)
        assert [part["target"] for part in found["parts"]] == ["loss", "delta"]
        assert found["parts"][1]["value"] == pytest.approx(delta, rel=1e-12)
    text = call("predict", both, *at, "--post-bits", 8)
    assert "loss after rounding" in text and "delta 0.0000" not in text


def test_a_file_of_two_laws_answers_questions_of_both(both: Path, fitted: Path) -> None:
    question = ("critical-data", "--N", 1e8, "--post-bits", 4)
    answer = call_json("decide", both, *question)
    assert answer == call_json("decide", fitted, *question, "--degradation", "paper")
    question = ("allocation", "--budget", 1e18)
    assert call_json("decide", both, *question) == call_json(
        "decide", fitted, *question
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict", "FIT", "--N", 1e8, "--D", 1e9, "--post-bits", 4],
         "--post-bits is not used by .*, which holds chinchilla"),
        (["predict", "FIT", "--N", 1e8, "--D", 1e9, "--kv-bits", 4],
         "--kv-bits is not"),
        (["predict", "FIT", "--N", 1e8, "--D", 1e9, "--set", "group_size=64"],
         "--set group_size is not used by"),
        (["decide", "paper", "optimal-precision", "--budget", 1e21, "--bits", 4],
         "optimal-precision does not use --bits"),
        (["decide", "paper", "effective-size", "--N", 1, "--D", 1, "--bits", 4,
          "--degradation", "paper"], "effective-size does not use --degradation"),
        (["decide", "paper", "critical-data", "--N", 1, "--post-bits", 4, "--rounded"],
         "critical-data does not use --rounded"),
        (["predict", "paper", "--N", 1e8, "--D", 1e9, "--bootstrap", 50],
         "--bootstrap is not used by paper"),
        ([*ALLOT, "--bits", 4], "--bits is not used by laws that know no bits"),
        ([*ALLOT, "--cost-rule", "h100"], "--cost-rule is not used by laws that"),
        (["next-run", "FIT", "--budget", 1e18, "--cost-rule", "max"],
         "--cost-rule is not used by a law of no bits"),
        ([*BEST, "--set", "foo=3"], "--set foo is not used by effective"),
        ([*BEST, "--set", "N=3"], "--set N is not used by effective"),
        ([*BEST, "--level", 0.5], "--level is not used by laws without intervals"),
        ([*BEST, "--cost-rule", "h100", "--least-bits", 5, "--most-bits", 7],
         "none of 8, 16 bits lies between 5 and 7"),
        (["decide", "paper", "serving-memory", "--memory", 1e9, "--D", 1e10,
          "--degradation", "paper"], "--degradation is not used by serving-memory"),
        ([*FIT, "--resample", "pairs"], "--resample is not used by a fit without"),
        ([*FIT, "--bootstrap", 20, "--cluster", "seed", "--resample", "pairs"],
         "--resample is not used by a bootstrap with --cluster"),
        ([*COMPARE, "--hold-out", "N > 1e8", "--folds", 5], "--folds is not used"),
        ([*FIT[:-1], "N=params,kv_bits=seed"], "no law that is fitted here reads 'kv"),
    ],
)  # fmt: skip
def test_an_option_that_is_not_used_is_an_error(
    arguments: list, said: str, runs: Path, fitted: Path
) -> None:
    given = {"RUNS": runs, "FIT": fitted}
    with pytest.raises(UserError, match=said):
        call(*[given.get(each, each) for each in arguments])


def test_fit_and_compare_read_what_report_reads(tmp_path: Path) -> None:
    table = pd.DataFrame(example_table())
    plain = tmp_path / "plain.csv"
    table.to_csv(plain, index=False)
    odd = tmp_path / "odd.jsonl"
    records = [
        {"params": f"{r.N / 1e6!r}M", "tokens": r.D / 1e9,
         "loss, bits": r.loss / np.log(2), "state": "finished"}
        for r in table.itertuples()
    ]  # fmt: skip
    odd.write_text("\n".join(json.dumps(each) for each in records))
    options = ("--map", "N=params,D=tokens,loss=loss, bits", "--tokens-unit", "B",
               "--loss-unit", "bits")  # fmt: skip
    for command in (("fit", "--law", "chinchilla"),
                    ("compare", "--laws", "chinchilla", "--folds", 3)):  # fmt: skip
        name, *more = command
        found = call_json(name, odd, *more, *options)
        known = call_json(name, plain, *more)
        if name == "fit":
            assert found["params"] == pytest.approx(known["params"], rel=1e-6)
        else:
            assert found["scores"][0]["aic"] == pytest.approx(
                known["scores"][0]["aic"], rel=1e-6
            )


def test_a_law_of_rounding_knows_the_loss_before_it_and_mixed_methods(tmp_path) -> None:
    """As LM-eval lists them: 16 bits are a row, and several methods share a file."""
    kept = planted_params(get_law("ptq"))
    lines = ["params,tokens,method,bits,val"]
    for n, d in itertools.product((1e8, 4e8, 16e8), (1e9, 4e9, 16e9)):
        loss = 1.8 + 400 * n**-0.34 + 410 * d**-0.28
        lines.append(f"{n},{d},none,16,{loss!r}")
        for bits, (method, times) in itertools.product(
            (3, 4, 6), (("gptq", 1), ("rtn", 2))
        ):
            delta = float(get_law("ptq").predict(N=n, D=d, post_bits=bits, **kept))
            lines.append(f"{n},{d},{method},{bits},{loss + times * delta!r}")
    lines.append("1e8,2e9,gptq,4,3.0")  # of a model without a row of 16 bits
    (tmp_path / "eval.csv").write_text("\n".join(lines))
    names = "N=params,D=tokens,post_bits=bits,post_loss=val"
    base = ("fit", tmp_path / "eval.csv", "--law", "ptq", "--map", names, "--starts", 8)
    mixed = call_json(*base)
    assert "method rtn" in mixed["misfits"][0] and mixed["n"] == 54
    assert "1 row has no such row and is not used" in " ".join(mixed["remarks"])
    one = call_json(*base, "--where", "method != 'rtn'")
    assert one["n"] == 27 and one["misfits"] == []
    for name in ("gamma_D", "gamma_N", "gamma_post"):
        assert one["params"][name] == pytest.approx(kept[name], rel=1e-3)
    (tmp_path / "eval.csv").write_text("\n".join(x for x in lines if ",16," not in x))
    with pytest.raises(UserError, match="the loss before rounding, is missing"):
        call(*base)


def test_the_next_run_is_that_of_the_library(fitted: Path) -> None:
    (fit,) = load_fits(fitted)
    found = call_json("next-run", fitted, "--of", "alpha")["next"]
    assert found == [asdict(decide.next_run(fit, fit.replicates["alpha"], "alpha"))]
    cheap = call_json("next-run", fitted, "--most", 1e17)["next"][0]
    assert 6 * cheap["run"]["N"] * cheap["run"]["D"] <= 1.01e17
    text = call("next-run", fitted, "--budget", "1e18")
    assert "N for 1e+18 FLOP" in text and "left of its" in text


@pytest.mark.parametrize(
    "command", ["laws", "fit", "compare", "predict", "decide", "next-run", "plan"]
)
def test_every_command_explains_itself(command: str) -> None:
    text = call(command, "--help")
    assert "--json" in text and "Usage" in text


def test_program_is_quick_to_start_and_ends_a_fault_with_status_2(runs: Path) -> None:
    """The whole program, in a process of its own, as a reader calls it."""
    program = [sys.executable, "-X", "importtime", "-m", "precision_lib"]
    done = subprocess.run([*program, "laws"], capture_output=True, text=True)
    assert done.returncode == 0 and "chinchilla" in done.stdout
    assert "torch" not in done.stderr and "matplotlib" not in done.stderr
    program = [sys.executable, "-m", "precision_lib"]
    command = [*program, "fit", str(runs), "--law", "chinchilla"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "is missing; the columns are" in done.stderr


def test_one_default_for_the_starts(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the commands as of the library: 50, and 400 where too few of them agree."""
    base = ("fit", runs, "--law", "chinchilla", "--columns", "N=params")
    assert call_json(*base)["starts"] == STARTS == 50
    module = sys.modules["precision_lib.laws.fit"]
    monkeypatch.setattr(module, "RARE", 1.1)  # however many agree, they are too few
    assert call_json(*base)["starts"] == MORE_STARTS == 400
    assert call_json(*base, "--starts", 7)["starts"] == 7
    for function in (cli_laws.fit, cli_laws.compare, report, judged_fit):
        assert inspect.signature(function).parameters["starts"].default is None


def test_a_doubtful_fit_is_said_wherever_it_is_used(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("precision_lib.laws.solver.solve.STEPS", 3)
    said = "did not converge"
    saved = tmp_path / "rash.json"
    columns = ("--columns", "N=params")
    text = call("fit", runs, "--law", "chinchilla", *columns, "--out", saved)
    assert said in " ".join(text.split())
    text = call("compare", runs, "--laws", "chinchilla", "--folds", 3, *columns)
    assert said in " ".join(text.split()) and "reached the best optimum" in text
    text = call("predict", saved, "--N", 1e9, "--D", 1e10)
    assert said in " ".join(text.split())
    text = call("decide", saved, "allocation", "--budget", 1e20)
    assert said in " ".join(text.split())
