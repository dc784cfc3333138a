"""Files as Spark reads and writes them, at any of its URIs.

Spark takes the columns of text files by their place and fills or cuts rows of another length. Here
it is told to refuse both: a value under the wrong name is worse than no score.
"""

import io
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StringType, StructField, StructType

from sepsis_detect.batch_scoring import delimited_text
from sepsis_detect.batch_scoring.delimited_text import SEPARATORS
from sepsis_detect.batch_scoring.hour_tables import PARQUET
from sepsis_detect.errors import BadFileError

COMPRESSIONS = frozenset([".bz2", ".deflate", ".gz", ".lz4", ".snappy", ".zst"])
_PATTERN_SIGNS = re.compile(r"[\\*?\[\]{}]")
_READING = re.compile(r"error while reading file (.+?)\.\s+SQLSTATE")
_REASONS = {
    "CSV header does not conform": "has other columns than the first file, or in another order: "
    "score files of one header together",
    "MALFORMED_CSV_RECORD": "has a row with more or fewer cells than there are columns",
}
OUTPUT_FORMATS = {PARQUET: "parquet", ".csv": "csv", "": "parquet"}


def read(session: SparkSession, uris: Sequence[str]) -> DataFrame:
    """Read files of one kind; all columns of text files are text.

    Args:
        session: Of Spark.
        uris: Files, folders, or patterns.

    Raises:
        BadFileError: There is no file, they are of several kinds, or a text has no header.
    """
    source = ", ".join(uris)
    files = session.read.text(list(uris)).inputFiles()
    suffixes = sorted({_suffix(file) for file in files})
    if not files:
        raise BadFileError(f"{source} holds no file")
    if len(suffixes) > 1:
        kinds = ", ".join(suffix or "no suffix" for suffix in suffixes)
        raise BadFileError(f"{source} has files of several kinds ({kinds}): score them apart")
    if suffixes[0] == PARQUET:
        hours = session.read.parquet(*uris, mergeSchema=True)
    elif suffixes[0] in SEPARATORS:
        hours = _read_texts(session, uris, min(files), suffixes[0])
    else:
        raise BadFileError(f"{source} is neither .psv, .csv, .tsv, .txt nor .parquet")
    if hours.isEmpty():
        raise BadFileError(f"{source} holds no row")
    return hours


def output_format(session: SparkSession, uri: str) -> str:
    """The format of scores at `uri`, where nothing is yet.

    Raises:
        BadFileError: The suffix is of another format, or there are files.
    """
    suffix = PurePosixPath(uri.rstrip("/")).suffix.lower()
    if suffix not in OUTPUT_FORMATS:
        raise BadFileError(f"{uri} is neither .csv nor .parquet: choose one to write")
    try:
        found = session.read.text(uri, recursiveFileLookup=True).inputFiles()
    except AnalysisException:  # no such path
        found = []
    if found:
        raise BadFileError(f"{uri} already exists: choose another name")
    return OUTPUT_FORMATS[suffix]


def write(scores: DataFrame, uri: str, kind: str) -> None:
    """Write scores to a folder without files; a run that failed may have left one."""
    scores.write.format(kind).option("header", True).mode("overwrite").save(uri)


def reading_failure(text: str) -> str | None:
    """What is wrong with a text file, if an error of Spark's is about one.

    Spark's own message quotes the whole row of a patient; this one does not.
    """
    found = _READING.search(text)
    if found is None or _suffix(found[1]) == PARQUET:
        return None
    reason = next((why for sign, why in _REASONS.items() if sign in text), "cannot be read as text")
    return f"{found[1]} {reason}"


def _suffix(uri: str) -> str:
    path = PurePosixPath(uri.lower())
    return path.with_suffix("").suffix if path.suffix in COMPRESSIONS else path.suffix


def _read_texts(session: SparkSession, uris: Sequence[str], first: str, suffix: str) -> DataFrame:
    first = unquote(first)
    lines = session.read.text(_PATTERN_SIGNS.sub(r"\\\g<0>", first))
    line = lines.where("trim(value) != ''").head()
    if line is None:
        raise BadFileError(f"{first} is empty")
    begin = io.StringIO(f"{line[0]}\n")
    _, separator, names = delimited_text.read_header(first, begin, SEPARATORS[suffix])
    options: dict[str, bool | str] = {
        "sep": separator,
        "header": True,
        "enforceSchema": False,  # the header of each file is compared with that of the first
        "mode": "FAILFAST",  # a row of another length is refused
        "columnPruning": False,  # else the cells that are not read are not counted
        "quote": '"',
        "escape": '"',
        "ignoreLeadingWhiteSpace": True,
        "ignoreTrailingWhiteSpace": True,
    }
    schema = StructType([StructField(name, StringType()) for name in names])
    return session.read.options(**options).schema(schema).csv(list(uris))
