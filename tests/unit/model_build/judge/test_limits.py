"""Acceptance limits: read from the command line, inclusive."""

import pytest

from model_build.judge import limits
from sepsis_detect.errors import SettingsError


def test_a_limit_is_kept_up_to_its_value() -> None:
    low, high = limits.parsed(["auroc=.75"], ["ppv=.5"])
    assert (low.is_kept_by(0.75), low.is_kept_by(0.7499)) == (True, False)
    assert (high.is_kept_by(0.5), high.is_kept_by(0.5001)) == (True, False)
    assert not low.is_kept_by(None)


@pytest.mark.parametrize("text", ["auroc", "auroc=high", "auroc=nan", "beauty=1", "=1"])
def test_an_invalid_limit_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=f"--min {text}"):
        limits.parsed([text], [])
