"""A fit as a file, and as a function of new runs."""

import json

import numpy as np
import pytest

from precision_lib.errors import UserError
from precision_lib.laws import (
    Fit,
    bootstrap,
    example_fit,
    example_table,
    fit,
    load_fits,
    planted_table,
    save_fits,
)

KEYS = {
    "law", "n", "params", "objective", "r2", "share_at_best", "ci", "warnings",
}  # fmt: skip


def test_json_has_the_promised_keys():
    record = json.loads(example_fit().to_json())
    assert set(record) >= KEYS
    assert record["law"] == "chinchilla" and record["n"] == 30


def test_a_file_predicts_as_the_fit_does(tmp_path):
    found = fit(planted_table("format-multiplier", 60, 0.003), "format-multiplier")
    found = found.with_bootstrap(bootstrap(found, replicates=50))
    save_fits([found], tmp_path / "fit.json")
    (again,) = load_fits(tmp_path / "fit.json")
    table = planted_table("format-multiplier", 9, seed=8)
    np.testing.assert_array_equal(again.predict(table), found.predict(table))
    np.testing.assert_array_equal(
        again.predict_replicates(table), found.predict_replicates(table)
    )
    assert again.ci == found.ci and again.levels == found.levels
    assert again.fixed == found.fixed and again.ranges == found.ranges
    assert [p.name for p in tmp_path.iterdir()] == ["fit.json"]


def test_a_file_cannot_be_bootstrapped():
    again = Fit.from_json(example_fit().to_json())
    with pytest.raises(UserError, match="fit again"):
        bootstrap(again)
    with pytest.raises(UserError, match="replicates"):
        again.predict_replicates(example_table())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"law": "chinchilla"}', "null"])
def test_what_is_not_a_fit(text):
    with pytest.raises(UserError, match="not the JSON of a fit"):
        Fit.from_json(text)


def test_a_fit_of_an_unknown_law():
    record = json.loads(example_fit().to_json())
    record["law"] = "nobody-s"
    with pytest.raises(UserError, match="no law 'nobody-s'"):
        Fit.from_json(json.dumps(record))


def test_files_that_cannot_be_read_or_written(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        load_fits(tmp_path / "none.json")
    with pytest.raises(UserError, match="cannot be written"):
        save_fits([example_fit()], tmp_path / "none" / "fit.json")
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        save_fits([example_fit()], tmp_path / "taken")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_one_file_holds_all_laws_of_a_table(tmp_path):
    table = planted_table("ptq", 60, 0.003)
    both = [example_fit(), fit(table, "ptq", starts=5)]
    save_fits(both, tmp_path / "fits.json")
    again = load_fits(tmp_path / "fits.json")
    assert [each.law.name for each in again] == ["chinchilla", "ptq"]
    assert [each.params for each in again] == [each.params for each in both]
    save_fits([both[0], both[0]], tmp_path / "twice.json")
    with pytest.raises(UserError, match="several laws of the same thing"):
        load_fits(tmp_path / "twice.json")
    for text in ("", "{}", "[1]", both[0].to_json() + "x"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(UserError, match="not the JSON of a fit"):
            load_fits(tmp_path / "bad.json")


def test_extrapolation_is_named():
    found = example_fit()
    assert found.extrapolates({"N": [1e8], "D": [1e10]}) == ()
    assert found.extrapolates({"N": [1e8], "D": [1e13]}) == ("D",)


def test_a_format_that_the_fit_has_not_seen():
    found = fit(planted_table("format-multiplier", 60, 0.003), "format-multiplier")
    with pytest.raises(UserError, match="'fp2'.*knows float32, int3"):
        found.predict({"N": [1e8], "D": [1e9], "weight_format": ["fp2"]})


def test_r2_is_in_the_unit_of_the_target():
    found, table = example_fit(), example_table()
    left = ((table["loss"] - found.predict(table)) ** 2).sum()
    total = ((table["loss"] - table["loss"].mean()) ** 2).sum()
    assert found.r2 == pytest.approx(1 - left / total, rel=1e-12)
