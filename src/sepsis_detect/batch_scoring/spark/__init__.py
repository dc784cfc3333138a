"""Batch scoring in Apache Spark: `score` takes and gives a DataFrame.

Needs `sepsis-detect[spark]`. `python -m sepsis_detect.batch_scoring.spark` scores files.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sepsis_detect.batch_scoring.spark.scoring import SCORES, Summary, score

__all__ = ["SCORES", "Summary", "score"]


def __getattr__(name: str) -> Any:
    """Import Spark at the first use, so that the command can say when it is absent."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sepsis_detect.batch_scoring.spark import scoring

    return getattr(scoring, name)
