"""Batch scoring in Apache Spark: `score` takes and gives a DataFrame.

Needs `sepsis-detect[spark]`. `python -m sepsis_detect.batch_scoring.spark` scores files.
"""

from sepsis_detect.batch_scoring.spark.scoring import SCORES, Summary, score

__all__ = ["SCORES", "Summary", "score"]
