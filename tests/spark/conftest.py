"""Real Spark on this machine; without Java its tests are skipped, except in CI, where they fail."""

import gc
import os
import shutil
import sys
import warnings
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

NO_JAVA = "there is no Java: sh tools/get_java.sh"


@pytest.fixture(autouse=True)
def sockets_of_spark() -> Iterator[None]:
    """PySpark leaves the sockets through which results come to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture(scope="session")
def java() -> None:
    """Java, which Spark runs on."""
    if shutil.which("java") is None:
        if "CI" in os.environ:
            pytest.fail(NO_JAVA)
        pytest.skip(NO_JAVA)


@pytest.fixture(scope="session")
def spark(java: None) -> Iterator[SparkSession]:
    """Spark in this process, two tasks at a time."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.sql.shuffle.partitions", "3")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "64")  # stays cross the borders
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
