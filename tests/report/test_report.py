"""The report: planted constants come back, and the page says what the data know."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from typer.testing import CliRunner

from precision_lib.cli import report as cli_own_runs
from precision_lib.cli.app import make_app
from precision_lib.decide import next_run, optimal_precision, surface, training_widths
from precision_lib.decide.next_runs import shares_left
from precision_lib.errors import UserError
from precision_lib.laws import (
    Fit,
    bootstrap,
    example_fit,
    fit,
    load_fits,
    planted_params,
    planted_table,
)
from precision_lib.laws.law import Law
from precision_lib.laws.registry import get_law
from precision_lib.laws.solver.objective import Objective
from precision_lib.report.choice import Choice, choose
from precision_lib.report.decisions import NEARLY, advise, near
from precision_lib.report.fitted_laws import Fitted, fit_choice
from precision_lib.report.svg import COLORS
from precision_lib.report.width_figures import over_the_start
from precision_lib.report.words import _decision, unanswered

app = make_app(cli_own_runs.COMMANDS)


def call(*arguments: object) -> str:
    """Run the command; its output, or the exception it ended with."""
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def planted(law: str, rows: int = 90, noise: float = 0.003, seed: int = 1):
    floor = 0.0005 if get_law(law).target == "delta" else 0.0
    return pd.DataFrame(planted_table(law, rows, noise, floor, seed))


def quadratic(x: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    return np.column_stack([x[name] for name in names])


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """A table in another naming and unit, and what the command says of it."""
    folder = tmp_path_factory.mktemp("report")
    table = planted("effective-weights")
    odd = pd.DataFrame(
        {
            "name": [f"run <{i}>" for i in range(len(table))],
            "params_M": table["N"] / 1e6,
            "tokens_B": table["D"] / 1e9,
            "precision": [f"int{b:g}" if b < 32 else "fp32"
                          for b in table["weight_bits"]],
            "ppl": np.exp(table["loss"]),
        }
    )  # fmt: skip
    odd.to_csv(folder / "runs.csv", index=False)
    record = call_json(folder, "--save-fit", folder / "fit.json")
    return folder, record


OPTIONS = (
    "--map", "N=params_M,D=tokens_B,loss=ppl,weight_bits=precision",
    "--parameters-unit", "M", "--tokens-unit", "B", "--loss-unit", "perplexity",
    "--bootstrap", 200, "--budget", 1e21, "--extrapolate",
)  # fmt: skip


def call_json(folder: Path, *more: object) -> dict:
    out = ("--out", folder / "report.html", "--json")
    return json.loads(call(folder / "runs.csv", *OPTIONS, *out, *more))


@pytest.mark.slow
def test_planted_constants_come_back_from_another_naming(weights) -> None:
    _, record = weights
    (law,) = record["laws"]
    assert law["law"] == "effective-weights" and record["faults"] == []
    truth = planted_params(get_law("effective-weights"))
    for constant in law["constants"]:
        low, high = constant["interval"]
        width = high - low  # 95% of seven intervals: allow a near miss
        assert low - width / 2 < truth[constant["name"]] < high + width / 2
    assert {c["state"] for c in law["constants"]} <= {"known", "loose"}
    assert record["summary"]["Trust"].startswith("The data ")
    assert "do not identify" not in record["summary"]["Trust"]


def test_the_decision_is_that_of_the_planted_law(weights) -> None:
    folder, record = weights
    best = record["advice"][0]
    assert best["given"] == ["1e+21 FLOP"]
    (answer,) = best["answers"]
    (saved,) = load_fits(folder / "fit.json")
    truth = Fit(saved.law, planted_params(saved.law), 0.0, saved.settings, 90, 1.0, 1.0)
    expected = optimal_precision(surface(truth), 1e21, (3.0, 16.0)).values
    for name in ("N", "D", "P"):
        assert answer["values"][name] == pytest.approx(expected[name], rel=0.3)
        low, high = answer["intervals"].get(name, (0, 99))  # P: at an end
        assert low <= answer["values"][name] <= high


def test_widths_stand_side_by_side_as_decide_has_them(weights) -> None:
    folder, record = weights
    block = record["advice"][1]
    table = training_widths(surface(*load_fits(folder / "fit.json")), 1e21, NEARLY)
    assert block["given"] == ["4 bits", "6 bits", "8 bits", "16 bits"]
    for answer, row in zip(block["answers"], table.rows(), strict=True):
        assert answer["values"]["loss"] == pytest.approx(row["loss"], rel=1e-9)
        assert answer["values"]["above"] == pytest.approx(row["above"], abs=1e-9)
        if row["low"] < row["high"]:
            ends = [row["low"], row["high"]]
            assert answer["intervals"]["above"] == pytest.approx(ends)
    page = BeautifulSoup((folder / "report.html").read_text(), "html.parser")
    labels = [str(svg["aria-label"]) for svg in page.find_all("svg")]
    assert sum(label.startswith("Loss above the best width") for label in labels) == 1
    cells = {cell.get_text(strip=True) for cell in page.find_all("td")}
    assert "nan" not in cells and not any("to" in c and "less" in c for c in cells)
    assert "P counts for all parts" in record["summary"]["Decision"]


def test_runs_of_two_phases_are_told_when_to_start() -> None:
    law, table = get_law("two-phases"), planted("two-phases", 60)
    ends = {name: (table[name].min(), table[name].max()) for name in ("N", "D")}
    known = Fit(law, planted_params(law), 0.0, Objective(), 60, 1.0, 1.0, ranges=ends)
    found = Fitted(Choice("two-phases", table, ""), known, None, (), (), None)  # type: ignore[arg-type]
    (one,) = advise([found])
    assert one.given == ("4 bits", "6 bits", "8 bits")
    share = [answer.values["qat_share"] for answer in one.answers]
    assert all(0 < each < 1 for each in share)
    assert over_the_start(found, one, "start").svg.count("bits") >= 3


@pytest.mark.parametrize(
    ("law", "chosen"),
    [
        ("chinchilla", ["chinchilla"]),
        ("effective-weights", ["effective-weights"]),
        ("effective-activations", ["effective-activations"]),
        ("effective-kv", ["effective-kv"]),
        ("effective", ["effective"]),
        ("ptq", ["ptq"]),
        ("format-multiplier", ["format-multiplier"]),
        ("format-multiplier-parts", ["format-multiplier-parts"]),
    ],
)
def test_the_columns_that_vary_choose_the_law(law: str, chosen: list[str]) -> None:
    assert [each.law for each in choose(planted(law))] == chosen


def test_the_choice_follows_what_the_table_can_tell() -> None:
    table = planted("effective-weights")
    two = table[table["weight_bits"].isin([4, 32])]
    assert choose(two)[0].law == "effective-weights-no-offset"
    together = table.assign(
        activation_bits=table["weight_bits"], kv_bits=table["weight_bits"]
    )
    assert choose(together)[0].law == "effective-tied"
    pair = choose(table.assign(activation_bits=table["weight_bits"]))[0]
    assert pair.law == "effective-weights" and "at once" in pair.reason
    plain = table.assign(weight_bits=16.0)
    assert choose(plain.head(9))[0].law == "chinchilla-tied"
    assert choose(plain, "power-additive")[0].law == "power-additive"
    one_size = choose(plain.assign(N=1e8))[0]
    assert set(one_size.fixed) == {"A", "alpha"} and "part of E" in one_size.reason
    with pytest.raises(UserError, match="kv_format is missing"):
        choose(planted("format-multiplier"), "format-multiplier-parts")
    with pytest.raises(UserError, match="no post_bits"):
        choose(planted("ptq").drop(columns="post_bits"))


def rounded() -> pd.DataFrame:
    """Runs, each rounded to three widths, by the laws of the paper's kind."""
    runs = planted("chinchilla", 40, 0.002)
    rows = runs.loc[runs.index.repeat(3)].reset_index(drop=True)
    rows["post_bits"] = np.tile([3.0, 4.0, 5.0], 40)
    clean = get_law("ptq").predict(
        rows["N"], rows["D"], rows["post_bits"], **planted_params(get_law("ptq"))
    )
    noise = np.random.default_rng(0).standard_normal(len(rows))
    rows["post_loss"] = rows["loss"] + clean * np.exp(0.02 * noise)
    return rows


@pytest.mark.slow
def test_rounded_runs_give_two_laws_and_the_critical_data(tmp_path: Path) -> None:
    rounded().to_csv(tmp_path / "runs.csv", index=False)
    out = tmp_path / "page.html"
    text = call(tmp_path / "runs.csv", "--out", out, "--bootstrap", 100, "--json",
                "--N", 1e8, "--post-bits", "3,4",
                "--save-fit", tmp_path / "fits.json")  # fmt: skip
    record = json.loads(text)
    saved = load_fits(tmp_path / "fits.json")
    assert [each.params for each in saved] == [law["params"] for law in record["laws"]]
    assert [law["law"] for law in record["laws"]] == ["chinchilla", "ptq"]
    assert record["laws"][0]["n"] == 40 and record["laws"][1]["n"] == 120
    truth = planted_params(get_law("ptq"))
    for name in ("gamma_D", "gamma_N", "gamma_post"):
        assert record["laws"][1]["params"][name] == pytest.approx(truth[name], rel=0.1)
    _, costs, same, fills, last = record["advice"]
    assert costs["given"] == ["3 bits", "4 bits"]
    for answer in costs["answers"]:
        low, high = (answer["values"][f"normal_{end}"] for end in ("from", "to"))
        assert low < answer["values"]["delta"] < high
    assert last["given"] == ["3 bits", "4 bits"]
    assert [a["values"]["N"] for a in same["answers"]] == [1e8] * 4
    assert [a["values"]["GB"] for a in fills["answers"]] == pytest.approx([0.05] * 4)
    assert (
        "Width by width in use: 16 bits, the most compared, are best"
        in record["summary"]["Decision"]
    )
    base = planted_params(get_law("chinchilla"))
    for bits, answer in zip((3, 4), last["answers"], strict=True):
        top = base["beta"] * base["B"] * 1e8 ** truth["gamma_N"]
        top *= np.exp(bits / truth["gamma_post"])
        exponent = 1 / (truth["gamma_D"] + base["beta"])
        expected = (top / truth["gamma_D"] / truth["C_T"]) ** exponent
        assert answer["values"]["D"] == pytest.approx(expected, rel=0.3)
    assert "begin to hurt" in out.read_text()


@pytest.mark.slow
def test_what_the_data_cannot_tell_is_said(tmp_path: Path) -> None:
    """Loss without a floor in sight: E has no lower bound, and the page says so."""
    generator = np.random.default_rng(3)
    N, D = np.meshgrid([1e6, 1.5e6, 2e6], [1e8, 1.5e8, 2e8, 3e8])
    table = pd.DataFrame({"N": N.ravel(), "D": D.ravel()})
    clean = get_law("chinchilla").predict(
        table["N"], table["D"], **planted_params(get_law("chinchilla"))
    )
    table["loss"] = clean * np.exp(0.02 * generator.standard_normal(len(table)))
    table.to_csv(tmp_path / "runs.csv", index=False)
    out = tmp_path / "page.html"
    record = json.loads(
        call(
            tmp_path / "runs.csv",
            "--out",
            out,
            "--bootstrap",
            40,
            "--starts",
            10,
            "--json",
        )  # fmt: skip
    )
    states = {c["name"]: c["state"] for c in record["laws"][0]["constants"]}
    assert {"open", "at a bound"} & set(states.values())
    assert "do not identify" in record["summary"]["Trust"]
    assert 'class="open"' in out.read_text()


def test_one_size_only_still_gives_a_page_without_a_decision(tmp_path: Path) -> None:
    table = planted("chinchilla", 30)
    fixed = get_law("chinchilla").predict(
        1e8, table["D"], **planted_params(get_law("chinchilla"))
    )
    table.assign(N=1e8, loss=fixed).to_csv(tmp_path / "runs.csv", index=False)
    text = call(tmp_path / "runs.csv", "--out", tmp_path / "a.html", "--bootstrap", 20)
    assert (
        "Decision: None" in text
        and "N is the same in every row" in (tmp_path / "a.html").read_text()
    )


def test_the_suggested_run_narrows_as_promised() -> None:
    """Runs made at the suggested place shorten the interval by the share said."""
    law: type[Law] = get_law("chinchilla")
    truth = planted_params(law)
    N, D = np.meshgrid(np.geomspace(1e7, 1e8, 4), np.geomspace(1e9, 1e10, 4))
    table = pd.DataFrame({"N": N.ravel(), "D": D.ravel()})
    generator = np.random.default_rng(5)

    def measured(rows: pd.DataFrame) -> pd.Series:
        clean = law.predict(rows["N"], rows["D"], **truth)
        return clean * np.exp(0.002 * generator.standard_normal(len(rows)))

    def width(rows: pd.DataFrame) -> tuple[float, Fit]:
        found = fit(rows, law, loss="ls")
        found = found.with_bootstrap(bootstrap(found, "residual", 600))
        return float(np.std(found.replicates["alpha"])), found

    table["loss"] = measured(table)
    before, found = width(table)
    best = next_run(found, found.replicates["alpha"], "alpha")
    assert best.left < 0.9 < best.same
    assert best.run["N"] * best.run["D"] <= 1.01 * (table["N"] * table["D"]).max()
    # Four such runs say more than four in the middle, which say next to nothing.
    more = pd.DataFrame([best.run] * 4)
    middle = pd.DataFrame([{"N": 10**7.5, "D": 10**9.5}] * 4)
    shares = []
    for rows in (more, middle):
        rows["loss"] = law.predict(rows["N"], rows["D"], **truth)
        shares.append(width(pd.concat([table, rows]))[0] / before)
    assert shares[0] < 0.9 and shares[0] < shares[1] - 0.05


def test_the_share_left_is_exact_for_a_linear_law() -> None:
    """Against the closed form of linear regression with normal errors."""
    generator = np.random.default_rng(0)
    N, D = np.meshgrid([1e6, 2e6, 4e6, 8e6], [1e8, 2e8, 4e8])
    table = pd.DataFrame({"N": N.ravel(), "D": D.ravel()})
    held = {"alpha": 0.5, "beta": 0.5}
    clean = 2 + 800 * table["N"] ** -0.5 + 8000 * table["D"] ** -0.5
    table["loss"] = clean + 0.01 * generator.standard_normal(len(table))
    found = fit(table, "chinchilla", loss="ls", scale="linear", fixed=held)
    design = np.column_stack(
        [np.ones(len(table)), table["N"] ** -0.5, table["D"] ** -0.5]
    )
    scatter = found.scatter
    covariance = scatter**2 * np.linalg.inv(design.T @ design)
    means = [found.params[name] for name in ("E", "A", "B")]
    draws = generator.multivariate_normal(means, covariance, 40_000)
    flat = {name: np.full(40_000, value) for name, value in held.items()}
    named = dict(zip(("E", "A", "B"), draws.T, strict=True)) | flat
    found.replicates.update(named)
    new = pd.DataFrame({"N": [1e6, 3e7], "D": [1e8, 4e8]})
    left = shares_left(found, named["A"], new)
    for row, share in zip(new.itertuples(), left, strict=True):
        x = np.array([1, row.N**-0.5, row.D**-0.5])
        gain = (covariance[1] @ x) ** 2 / (x @ covariance @ x + scatter**2)
        assert share == pytest.approx(np.sqrt(1 - gain / covariance[1, 1]), abs=0.02)


def test_draws_that_agree_but_for_the_outermost_leave_nothing_to_learn() -> None:
    found = example_fit()
    found = found.with_bootstrap(bootstrap(found, "residual", 400))
    draws = np.full(400, 7.0)
    draws[0] = 9.0
    table = pd.DataFrame({"N": [1e8], "D": [1e10]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(shares_left(found, draws, table)).all()


def test_the_page_is_whole_and_asks_for_nothing(weights) -> None:
    folder, record = weights
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\((?!#)|://", text)
    assert "default-src 'none'" in text
    assert record["digest"] in text and len(text) < 500_000
    assert sorted(p.name for p in folder.iterdir()) == [
        "fit.json", "report.html", "runs.csv"
    ]  # fmt: skip


def test_the_page_can_be_read_without_eyes(weights) -> None:
    soup = BeautifulSoup((weights[0] / "report.html").read_text(), "html.parser")
    assert soup.html and soup.html["lang"] == "en"
    levels = [int(tag.name[1]) for tag in soup.find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1 and levels.count(1) == 1
    steps = zip(levels, levels[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)
    pictures = soup.find_all("svg")
    assert len(pictures) >= 4
    for svg in pictures:
        assert svg["role"] == "img" and len(svg["aria-label"]) > 20
        assert svg.parent.name == "figure" and svg.parent.figcaption.text
    assert all(th.get("scope") in ("row", "col") for th in soup.find_all("th"))
    assert all(table.thead and table.tbody for table in soup.find_all("table"))
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for a in soup.find_all("a")}
    targets |= {use["href"][1:] for use in soup.find_all("use")}
    targets |= set(re.findall(r"url\(#([^)]+)\)", str(soup)))
    assert targets <= set(ids)


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
              for c in parts]  # fmt: skip
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_lines_stand_out_on_both_backgrounds() -> None:
    """WCAG 1.4.11 asks a contrast of 3 of graphics."""
    for color in COLORS:
        light, dark = luminance("#ffffff"), luminance("#14171b")
        assert (light + 0.05) / (luminance(color) + 0.05) >= 3, color
        assert (luminance(color) + 0.05) / (dark + 0.05) >= 3, color


@pytest.mark.slow
def test_what_a_table_says_stays_text(tmp_path: Path) -> None:
    table = planted("chinchilla", 30).assign(name="<script>alert(1)</script>")
    table["loss"] = table["loss"].astype(object)
    table.loc[0, "loss"] = "<b>x</b>"
    table.to_csv(tmp_path / "runs.csv", index=False)
    out = tmp_path / "a.html"
    title = "<img src=x>"
    text = call(tmp_path / "runs.csv", "--out", out, "--skip-bad-rows",
                "--bootstrap", 20, "--title", title)  # fmt: skip
    assert "1 of 30 rows have faults and were left out." in text
    page = out.read_text()
    assert "<script" not in page and "<b>x" not in page and "<img" not in page
    soup = BeautifulSoup(page, "html.parser")
    assert soup.h1 and soup.h1.text == title
    assert "'row 1" not in page and "is not a number" in soup.text


@pytest.mark.slow
def test_the_same_table_gives_the_same_page(tmp_path: Path) -> None:
    planted("chinchilla", 30).to_csv(tmp_path / "runs.csv", index=False)
    pages = []
    for _ in range(2):
        call(tmp_path / "runs.csv", "--out", tmp_path / "a.html", "--bootstrap", 20,
             "--starts", 10)  # fmt: skip
        pages.append((tmp_path / "a.html").read_text())
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent.csv"], "no such file or folder"),
        (["RUNS", "--map", "N=size"], "no column 'size'"),
        (["RUNS", "--tokens-unit", "G"], "--tokens-unit is 'G'"),
        (["RUNS", "--budget", -1], "--budget is -1"),
        (["RUNS", "--post-bits", "x"], "is not a number or a list"),
        (["RUNS", "--post-bits", "0"], "is not a number or a list"),
        (["RUNS", "--measured", 0.1, "--post-bits", "3,4"], "say which by --post-bits"),
        (["RUNS", "--out", "no/such.html"], "there is no folder"),
        (["RUNS", "--law", "none"], "no law 'none'"),
        (["RUNS", "--law", "ptq"], "post_bits is missing"),
        (["RUNS", "--where", "N > 1e99"], "keeps none"),
        (["RUNS", "--where", "number < 2"], "give more runs"),
        (["RUNS", "--cluster", "seed"], "no column 'seed'"),
        (["RUNS", "--N", 1e8, "--bootstrap", 20, "--starts", 5],
         "--N is not used by a table without rounding"),
        (["RUNS", "--cluster", "number", "--resample", "pairs"],
         "--resample is not used by a bootstrap with --cluster"),
        (["RUNS", "--map", "group_size=number"], "no law that is fitted here reads"),
    ],
)  # fmt: skip
def test_faults_are_one_sentence_and_leave_no_file(
    arguments: list, said: str, tmp_path: Path
) -> None:
    runs = tmp_path / "runs.csv"
    planted("chinchilla", 30).assign(number=range(30)).to_csv(runs, index=False)
    filled = [runs if each == "RUNS" else each for each in arguments]
    if "--out" not in filled:
        filled += ["--out", tmp_path / "a.html"]
    with pytest.raises(UserError) as caught:
        call(*filled, "--bootstrap", 20)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["runs.csv"]


def test_the_program_lists_faults_on_stderr_and_ends_with_status_2(
    tmp_path: Path,
) -> None:
    runs = tmp_path / "runs.csv"
    runs.write_text("N,D,loss\n1,2,x\n1,y,3\n" + "1,2,z\n" * 300)
    program = [sys.executable, "-X", "importtime", "-m", "precision_lib", "report"]
    out = tmp_path / "a.html"
    done = subprocess.run([*program, runs, "--out", out], capture_output=True,
                          text=True)  # fmt: skip
    lines = [line for line in done.stderr.splitlines() if "import time" not in line]
    assert done.returncode == 2 and done.stdout == "" and not out.exists()
    assert lines[0] == (
        "row 1 (and 300 more like it), column 'loss': 'x' is not a number; write a "
        "plain number such as 3.25."
    )
    assert "'y'" in lines[1] and len(lines) == 3
    assert lines[-1].startswith(f"Error: {runs}: 302 faults in 302 of 302 rows")
    assert "Traceback" not in done.stderr and "torch" not in done.stderr


def test_large_tables_are_bounded_in_work() -> None:
    (choice,) = choose(planted("chinchilla", 3000))
    found = fit_choice(choice, replicates=10**6, starts=2)
    assert len(found.boot.objective) == 333 and found.rivals is None


@pytest.mark.slow
def test_runs_of_two_phases_have_a_page(tmp_path: Path) -> None:
    planted("two-phases", 60).to_csv(tmp_path / "runs.csv", index=False)
    out = tmp_path / "page.html"
    options = ("--bootstrap", 20, "--starts", 4)
    said = call(tmp_path / "runs.csv", *options, "--out", out)
    assert "When to start quantized training" in out.read_text() and "Page:" in said


def test_a_table_of_deltas_alone_says_what_rounding_costs(tmp_path: Path) -> None:
    planted("ptq", 60, 0.05).to_csv(tmp_path / "runs.csv", index=False)
    asked = ("--N", 1e8, "--D", 6e9, "--post-bits", 4, "--measured", 0.05)
    few, out = ("--bootstrap", 20, "--starts", 4), tmp_path / "page.html"
    said = call(tmp_path / "runs.csv", *asked, *few, "--out", out)
    assert "Decision: What rounding costs in 4 bits: " in said
    assert "A delta of 0.05 is " in said and "as good unrounded" not in out.read_text()
    assert (
        "cannot tell the best size and data (losses of several N and D would)" in said
    )


@pytest.mark.parametrize(
    ("law", "column", "others"),
    [
        ("chinchilla", "weight_bits", ["post_bits", "qat_share"]),
        ("effective-weights", "qat_share", ["post_bits"]),
        ("ptq", "qat_share", ["weight_bits"]),
        ("two-phases", "post_bits", []),
    ],
)
def test_what_the_columns_cannot_tell_is_said(
    law: str, column: str, others: list[str]
) -> None:
    kind = get_law(law)
    known = Fit(kind, planted_params(kind), 0.0, Objective(), 60, 1.0, 1.0)
    found = Fitted(Choice(law, planted(law, 60), ""), known, None, (), (), None)  # type: ignore[arg-type]
    said = unanswered([found])
    told = {n for n in ("weight_bits", "post_bits", "qat_share") if n in said}
    assert told == {column, *others} and said.count(". ") == 0 and said[-1] == "."


def test_a_report_searches_the_bits_of_decide_and_leaves_out_far_answers() -> None:
    """They said "4 (4 to 4)" and "2.03 (1 to 3.5)" of one fit."""
    table = planted("effective-weights")
    few = table[table["weight_bits"] >= 6]
    found = fit_choice(Choice("effective-weights", few, ""), replicates=20, starts=4)
    advice = advise([found], 1e17)
    expected = optimal_precision(surface(found.fit), 1e17).values
    assert advice[0].answers[0].values == expected
    words = _decision(advice)
    assert "P = 6 or fewer: the end of what was considered, N = " in words
    assert "above = " not in _decision(advice[:2])  # of a table of widths, left last
    kept, left = near(advise([found], 1e26), [found])
    assert kept == [] and [*left] == [one.title for one in advice]
    assert all("more than 10 times beyond" in said for said in left.values())
    kept, left = near(advise([found]), [found])  # of three budgets the nearest
    assert len(kept[0].answers) < 3 and kept[0].title not in left


def test_rounding_that_costs_nothing_and_half_a_pair_of_columns_are_said() -> None:
    table = planted("chinchilla").assign(post_bits=4.0)
    (base, *_) = choose(table)
    laws = [fit_choice(base, replicates=20, starts=4)]
    assert "(post_loss beside post_bits would)" in unanswered(laws, tuple(table))
    nothing = table.assign(post_loss=table["loss"])
    with pytest.raises(UserError, match="rows have the same delta, 0; a law needs"):
        fit_choice(choose(nothing)[-1], replicates=20, starts=4)
