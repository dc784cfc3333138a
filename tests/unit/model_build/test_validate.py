"""Stage `validate`: figures, limits, files, and refused input."""

import json
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from model_build.__main__ import main
from model_build.data.cohort import Cohort
from model_build.data.dataset import dataset
from model_build.judge import limits
from model_build.judge.days_of_stay import AFTER
from model_build.judge.figures import Figures
from model_build.report import validation_report
from model_build.validate import FIGURES, OUTPUT_FILES, REPORT, validate, write
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE
from sepsis_detect.errors import BadFileError
from sepsis_detect.prediction.model import Model
from tests.artifacts import NOW, artifact, metadata_of
from tests.unit.batch_scoring.stay_tables import ABSENT, a_table, save
from tests.unit.model_build.small_artifact import DRAWS, USED, a_model, an_artifact


def with_values(cohort: Cohort, **columns: Any) -> Cohort:
    values = cohort.stay.values.copy()
    for name, column in columns.items():
        values[:, BY_CHALLENGE[name].column] = column
    return replace(cohort, stay=Stay(values, cohort.stay.starts))


def with_septic_stays(cohort: Cohort, n_septic: int) -> Cohort:
    """The first septic stays and all others."""
    septic = np.maximum.reduceat(cohort.labels, cohort.stay.starts) == 1
    kept = ~septic | (np.cumsum(septic) <= n_septic)
    return cohort.take(np.flatnonzero(kept))


@pytest.fixture(scope="module")
def few(cohort: Cohort) -> Figures:
    """Of two septic stays."""
    stated = limits.parsed(["auroc=0"], ["alerts_per_patient_day=24"])
    return validate(a_model(), with_septic_stays(cohort, 2), stated=stated, draws=DRAWS)


# --- The command --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, cohort: Cohort) -> tuple[int, Path]:
    folder = tmp_path_factory.mktemp("validation")
    (folder / "model.onnx").write_bytes(an_artifact())
    data = save(a_table(cohort), folder / "stays.parquet")
    options = [
        "--model",
        str(folder / "model.onnx"),
        "--data",
        str(data),
        "--unlabelled",
        str(data),
    ]
    options += ["--about", "Made-up stays\nof two hospitals", "--out", str(folder / "out")]
    options += ["--min", "auroc=.75", "--max", "alerts_per_patient_day=2.5"]
    return main(["validate", *options]), folder / "out"


def test_the_command_writes_all_files_and_exits_with_3_for_a_missed_limit(
    written: tuple[int, Path],
) -> None:
    code, out = written
    assert code == 3
    assert {path.name for path in out.iterdir()} == set(OUTPUT_FILES)
    figures = json.loads((out / FIGURES).read_text("utf-8"))
    assert [limit["is_kept"] for limit in figures["limits"]] == [True, False]
    assert figures["model"]["threshold"] == pytest.approx(0.3)
    assert figures["data"]["patients"] == 100
    assert set(ABSENT) <= set(figures["data"]["absent"])


def test_the_report_shows_every_plot_and_quotes_the_description_of_the_stays(
    written: tuple[int, Path],
) -> None:
    text = (written[1] / REPORT).read_text("utf-8")
    assert "\n> Made-up stays of two hospitals\n" in text
    assert "EtCO2" in text
    shown = set(re.findall(r"\]\((\w+\.svg)\)", text))
    assert shown == {name for name in OUTPUT_FILES if name.endswith(".svg")}
    assert not re.search(r"\bnan\b|\binf\b|None\b(?! of)|[{}]", text)


def test_the_report_depends_on_the_figures_only(written: tuple[int, Path]) -> None:
    figures = json.loads((written[1] / FIGURES).read_text("utf-8"))
    assert validation_report.text(figures) == (written[1] / REPORT).read_text("utf-8")
    figures["overall"]["auroc"] = {"value": 0.1234, "low": 0.1, "high": 0.2}
    figures["by_day"]["day 1"]["alerts_per_patient_day"]["value"] = 23.45
    text = validation_report.text(figures)
    assert "| AUROC | 0.123 (0.100 to 0.200) |" in text
    assert "23.45 (" in text


def test_the_same_figures_give_the_same_bytes_and_replace_earlier_files(
    tmp_path: Path, few: Figures
) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    again.mkdir()
    (again / "discrimination.svg").write_text("of an earlier validation, with enough septic stays")
    (again / "notes.txt").write_text("not ours")
    for out in (first, again):
        write(few, out)
    assert {path.name for path in tmp_path.iterdir()} == {"first", "again"}
    names = {path.name for path in first.iterdir()}
    assert {path.name for path in again.iterdir()} == names | {"notes.txt"}
    assert all((again / name).read_bytes() == (first / name).read_bytes() for name in names)
    shown = re.findall(r"\]\((\w+\.svg)\)", (first / REPORT).read_text("utf-8"))
    assert {name for name in names if name.endswith(".svg")} == set(shown)


def test_a_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, validation: Figures
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadFileError, match="cannot be written"):
        write(validation, tmp_path / "file" / "out")


def test_training_does_not_read_files_of_other_hospitals(
    tmp_path: Path, cohort: Cohort, capsys: pytest.CaptureFixture[str]
) -> None:
    save(a_table(cohort), tmp_path / "labelled.parquet")
    assert main(["train", "--data", str(tmp_path), "--work", str(tmp_path / "work")]) == 2
    assert "neither" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--data", "nowhere.csv", "--out", "out"], "there is no file nowhere.csv"),
        (["--data", "nowhere.csv", "--out", "out", "--unit", "age=m"], "the units of age are"),
        (["--data", "nowhere.csv", "--out", "out", "--min", "f1=1"], "the figures are auroc"),
        (["--model", "no.onnx", "--data", "nowhere.csv", "--out", "out"], "cannot read no.onnx"),
    ],
)
def test_options_that_cannot_be_used_are_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["validate", *options]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


# --- Figures ------------------------------------------------------------------------------------


def test_the_figures_are_those_of_scikit_learn_and_of_counting(
    validation: Figures, cohort: Cohort
) -> None:
    p = a_model().probabilities(dataset(cohort).X)
    overall, flags = validation["overall"], p >= np.float32(0.3)
    expected = {
        "auroc": roc_auc_score(cohort.labels, p),
        "auprc": average_precision_score(cohort.labels, p),
        "ppv": cohort.labels[flags].mean(),
        "sensitivity": flags[cohort.labels == 1].mean(),
        "alerts_per_patient_day": flags.mean() * 24,
        "predicted_over_observed": p.astype(np.float64).mean() / cohort.labels.mean(),
        "mean_predicted": p.astype(np.float64).mean(),
    }
    for name, value in expected.items():
        assert overall[name]["value"] == pytest.approx(value, abs=1e-5), name
        assert overall[name]["low"] <= overall[name]["value"] <= overall[name]["high"]
    first = cohort.stay.icu_hours <= 36
    assert validation["first_36_hours"]["auroc"]["value"] == pytest.approx(
        roc_auc_score(cohort.labels[first], p[first]), abs=1e-5
    )


def test_each_day_of_stay_has_its_alerts_however_few_are_septic(cohort: Cohort) -> None:
    late = with_septic_stays(cohort, 12)
    late = with_values(late, ICULOS=late.stay.icu_hours + 30)
    found = validate(a_model(), late, draws=DRAWS)
    hours = late.stay.icu_hours
    flags = a_model().probabilities(dataset(late).X) >= np.float32(0.3)
    days = {"day 2": (hours > 24) & (hours <= 48), "days 3 and 4": hours > 48, AFTER: hours > 48}
    assert found["by_day"].keys() == days.keys()
    for name, rows in days.items():
        day = found["by_day"][name]
        assert day["hours"] == rows.sum()
        assert day["observed_rate"]["value"] == pytest.approx(late.labels[rows].mean(), abs=1e-5)
        alerts = day["alerts_per_patient_day"]
        assert alerts["value"] == pytest.approx(flags[rows].mean() * 24, abs=1e-4)
        assert alerts["low"] < alerts["value"] < alerts["high"]
    assert "auroc" not in found["by_day"]["day 2"]
    assert found["by_day"]["day 2"]["septic_patients"] < 10


def test_a_day_without_a_septic_stay_has_no_ratio(cohort: Cohort) -> None:
    labels = np.where(cohort.stay.icu_hours > 24, cohort.labels, 0).astype(np.int8)
    found = validate(a_model(), replace(cohort, labels=labels), draws=DRAWS)
    day = found["by_day"]["day 1"]
    assert (day["predicted_over_observed"]["value"], day["septic_patients"]) == (None, 0)
    assert "| day 1 | 100 | 0 |" in validation_report.text(found)


def test_with_few_septic_stays_ranking_and_calibration_are_left_out(few: Figures) -> None:
    assert "auroc" not in few["overall"]
    assert [limit["is_kept"] for limit in few["limits"]] == [False, True]  # unknown is not kept
    assert "2 septic stays are too few, 10 are needed" in validation_report.text(few)


def test_a_model_that_flags_nothing_is_reported_too(cohort: Cohort, tmp_path: Path) -> None:
    found = validate(a_model(threshold=1.0), cohort, draws=DRAWS)
    write(found, tmp_path / "out")
    assert found["overall"]["ppv"]["value"] is None
    assert "A patient is flagged 0.0 hours a day" in (tmp_path / "out" / REPORT).read_text("utf-8")


def test_hours_long_after_onset_are_evaluated_and_counted(cohort: Cohort) -> None:
    """Days after onset nothing is to be gained any more: such hours have no utility."""
    first = cohort.take(np.arange(30))
    labels = first.labels.copy()
    septic = np.maximum.reduceat(labels, first.stay.starts) == 1
    labels[septic[first.stay_of_hour] & (first.stay.icu_hours >= 3)] = 1
    found = validate(a_model(), replace(first, labels=labels), draws=DRAWS)
    assert found["data"]["hours_long_after_onset"] > 0
    assert found["subgroups"]["phase of stay"]["hours 10 to 36"]["hours"] > 0
    assert "more than 3 hours after onset" in validation_report.text(found)


def test_hospitals_are_compared_and_small_ones_are_not_shown(
    cohort: Cohort, validation: Figures
) -> None:
    assert (
        validation["across_hospitals"]["judged"] == validation["across_hospitals"]["hospitals"] == 2
    )
    text = validation_report.text(validation)
    assert "Of the 2 hospitals 2 have enough septic stays (10) to be judged alone: AUROC 0." in text
    many = replace(cohort, hospitals=np.array([f"h{k // 10}" for k in range(100)]))
    small = validate(a_model(), many, draws=DRAWS)
    assert small["subgroups"]["hospital"] == {}
    assert "None of the 10 hospitals has enough" in validation_report.text(small)


def test_unlabelled_stays_have_alert_rates_only(validation: Figures, cohort: Cohort) -> None:
    day, labelled = validation["unlabelled"]["by_day"]["day 1"], validation["by_day"]["day 1"]
    assert day.keys() == {"patients", "hours", "alerts_per_patient_day"}
    assert day["alerts_per_patient_day"] == labelled["alerts_per_patient_day"]
    assert "100 stays without a label" in validation_report.text(validation)


def test_a_wrong_unit_shows_in_the_share_of_values_dropped(cohort: Cohort) -> None:
    found = validate(a_model(), with_values(cohort, FiO2=40.0), draws=DRAWS)
    assert found["data"]["dropped"]["FiO2"] == 1
    assert "100 % of the values of FiO2 are incoherent" in validation_report.text(found)


def test_a_model_with_equal_probabilities_is_one_sentence(cohort: Cohort) -> None:
    with pytest.raises(BadFileError, match="cannot be judged"):
        validate(a_model(), with_values(cohort, Temp=37.0, Resp=18.0), draws=DRAWS)


def test_a_model_without_a_probability_for_an_hour_is_one_sentence(cohort: Cohort) -> None:
    metadata = metadata_of(USED)
    check = metadata["selfcheck"]
    check["probabilities"] = [1.2 * p for p in check["probabilities"]]
    beyond_1 = Model(artifact(metadata, names=USED, scale=1.2), source="a test", loaded_at=NOW)
    with pytest.raises(BadFileError, match="no probability between 0 and 1"):
        validate(beyond_1, cohort, draws=DRAWS)


# --- Limits -------------------------------------------------------------------------------------


def test_a_missed_limit_is_named(
    tmp_path: Path, cohort: Cohort, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    few = save(a_table(with_septic_stays(cohort, 3)), tmp_path / "stays.csv")
    (tmp_path / "model.onnx").write_bytes(an_artifact())
    options = ["--model", str(tmp_path / "model.onnx"), "--data", str(few)]
    options += ["--out", str(tmp_path / "out")]
    assert main(["validate", *options, "--min", "auroc=.5"]) == 3
    assert "auroc – misses its limit (min 0.5)" in caplog.text
