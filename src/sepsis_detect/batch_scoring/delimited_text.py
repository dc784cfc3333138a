"""Delimited text (.csv, .psv, .tsv, .txt) as Arrow tables of text.

Encoding, line ends and separator are found, not assumed: UTF-8, UTF-16 or Windows-1252; LF, CRLF
or CR; comma, semicolon, tab or bar. The first line that is not blank has the names of the columns.
A message quotes one wrong cell, never a whole row of a patient.

Blocks are read here and parsed one by one: pyarrow's own streaming reader keeps a thread that
aborts the process when it ends after an error (https://github.com/apache/arrow/issues/45214).
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import pyarrow as pa
import pyarrow.csv

from sepsis_detect.errors import BadFileError

SEPARATORS = {".csv": ",", ".psv": "|", ".tsv": "\t", ".txt": "\t"}
"""The usual separator by suffix; another one is found all the same."""

BLOCK_CHARACTERS = 512 * 1024  # some six thousand hours
READ_BYTES = 1024 * 1024
MAX_LINE_CHARACTERS = 100_000
MAX_QUOTED_CHARACTERS = 64 * 1024  # of a cell that goes over several lines

_SEPARATOR_LINE = re.compile(r"sep=([,;|\t])\s*", re.IGNORECASE)  # a first line for Excel
_SIGNATURES = {
    b"PAR1": "is a parquet file: give it the suffix .parquet",
    b"\x1f\x8b": "is compressed with gzip: decompress it first",
    b"BZh": "is compressed with bzip2: decompress it first",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd: decompress it first",
    b"\xfd7zXZ": "is compressed with xz: decompress it first",
    b"PK\x03\x04": "is a workbook or a zip archive: save its table as .csv",
    b"\xd0\xcf\x11\xe0": "is a workbook: save its table as .csv",
}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class TextBlock:
    """Some whole rows of a file.

    Attributes:
        table: One column of dictionary-coded text for each position that was asked for, by the
            position as name.
        text: The rows as text.
        separator: Between cells.
        n_lines_before: Lines of the file before the first row.
    """

    table: Any
    text: str
    separator: str
    n_lines_before: int

    @cached_property
    def _lines(self) -> list[int]:
        return [line for line, _ in _records(self.text, self.separator, self.n_lines_before)]

    def place(self, row: int) -> str:
        """The line of a row, as messages say it."""
        return f"line {self._lines[row]}"


class DelimitedText:
    """One text file.

    Args:
        path: Its suffix is one of `SEPARATORS`.

    Attributes:
        headers: The names of its columns, in order.

    Raises:
        BadFileError: It is no text, or has no header.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path):
        self._path = path
        try:
            with path.open("rb") as file:
                self._encoding = _encoding(path, file)
            with path.open(encoding=self._encoding) as text:
                self._n_header_lines, self._separator, self.headers = read_header(
                    path, text, SEPARATORS[path.suffix.lower()]
                )
        except UnicodeDecodeError as error:
            raise _not_a_text(path) from error

    def blocks(self, positions: Sequence[int]) -> Iterator[TextBlock]:
        """Read some columns, block by block.

        Args:
            positions: Which columns, from 0.

        Raises:
            BadFileError: A line has too many or too few cells.
            OSError: The file cannot be read.
        """
        names = [str(at) for at in positions]
        coded = pa.dictionary(pa.int32(), pa.string())
        options = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, coded),
            include_columns=names,
        )
        n_lines = self._n_header_lines
        try:
            for text in self._texts():
                table, parsed = self._parsed(text, options, n_lines)
                if table.num_rows:
                    yield TextBlock(table, parsed, self._separator, n_lines)
                n_lines += text.count("\n")
        except UnicodeDecodeError as error:
            raise _not_a_text(self._path) from error

    def _texts(self) -> Iterator[str]:
        """The rows in blocks of whole lines; every line end is a line feed."""
        with self._path.open(encoding=self._encoding) as file:
            for _ in range(self._n_header_lines):
                file.readline()
            while text := file.read(BLOCK_CHARACTERS):
                text += file.readline(MAX_LINE_CHARACTERS)
                end = len(text) + MAX_QUOTED_CHARACTERS
                while text.count('"') % 2 and len(text) < end and (line := file.readline()):
                    text += line
                if text.count('"') % 2:
                    self._require_closed_quotes(text)
                yield text

    def _require_closed_quotes(self, text: str) -> None:
        """Refuse a cell without its second quotation mark: it would take the rows that follow."""
        reader = csv.reader(io.StringIO(text), delimiter=self._separator, strict=True)
        try:
            for _ in reader:
                pass
        except csv.Error as error:
            raise BadFileError(f"{self._path}: a quotation mark is not closed ({error})") from error

    def _parsed(self, text: str, options: Any, n_lines_before: int) -> tuple[Any, str]:
        """The table of a block, and the text it was made of."""
        try:
            return self._table(text, options), text
        except pa.ArrowInvalid:
            text = self._with_equal_lengths(text, n_lines_before)
            return self._table(text, options), text

    def _table(self, text: str, options: Any) -> Any:
        names = [str(at) for at in range(len(self.headers))]
        data = text.encode()
        if not data.strip():
            return pa.table({name: pa.nulls(0, pa.string()) for name in options.include_columns})
        table = pa.csv.read_csv(
            pa.BufferReader(data),
            pa.csv.ReadOptions(use_threads=False, column_names=names, block_size=2 * len(data)),
            pa.csv.ParseOptions(delimiter=self._separator, newlines_in_values=True),
            options,
        )
        return table.combine_chunks()

    def _with_equal_lengths(self, text: str, n_lines_before: int) -> str:
        """The rows without empty cells beyond the last column; blank rows may be shorter.

        Raises:
            BadFileError: Another row has not as many cells as there are columns.
        """
        n_columns = len(self.headers)
        rewritten = io.StringIO()
        writer = csv.writer(rewritten, delimiter=self._separator, lineterminator="\n")
        last = n_lines_before
        for line, cells in _records(text, self._separator, n_lines_before):
            n_inside = sum(cell.count("\n") for cell in cells)
            rewritten.write("\n" * (line - last - 1 - n_inside))
            last = line
            kept = cells[:n_columns]
            if any(cell.strip() for cell in cells[n_columns:]) or (
                len(kept) < n_columns and any(cell.strip() for cell in kept)
            ):
                raise BadFileError(
                    f"{self._path}, line {line}: {len(cells)} cells under {n_columns} columns"
                )
            writer.writerow(kept + [""] * (n_columns - len(kept)))
        return rewritten.getvalue()


def _records(text: str, separator: str, n_lines_before: int) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank lines, each with its last line."""
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    for cells in reader:
        if cells:
            yield n_lines_before + reader.line_num, cells


def _not_a_text(path: Path | str) -> BadFileError:
    return BadFileError(f"{path} is not a text in UTF-8, UTF-16 or Windows-1252")


def _refuse_other_formats(path: Path, begin: bytes) -> None:
    if not begin:
        raise BadFileError(f"{path} is empty")
    for signature, what in _SIGNATURES.items():
        if begin.startswith(signature):
            raise BadFileError(f"{path} {what}")


def _encoding(path: Path, file: BinaryIO) -> str:
    """The encoding of a text: by its mark, else UTF-8 if it is valid, else Windows-1252."""
    begin = file.read(READ_BYTES)
    _refuse_other_formats(path, begin)
    for mark, encoding in _MARKS.items():
        if begin.startswith(mark):
            return encoding
    if b"\x00" in begin:  # text of Western languages in UTF-16 has a zero in every character
        n_odd, n_even = begin[1::2].count(b"\x00"), begin[::2].count(b"\x00")
        return "utf-16-le" if n_odd > n_even else "utf-16-be"
    return "utf-8" if _is_utf_8(begin, file) else "cp1252"


def _is_utf_8(begin: bytes, file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    block = begin
    try:
        while block:
            decoder.decode(block)
            block = file.read(READ_BYTES)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def read_header(path: Path | str, file: TextIO, usual: str) -> tuple[int, str, list[str]]:
    """How many lines the header ends after, the separator, and the names of the columns.

    Args:
        path: The file, as messages name it.
        file: Its text.
        usual: The usual separator of its suffix.

    Raises:
        BadFileError: It has no header.
    """
    n_lines, text, separator = _first_line(path, file)
    while text.count('"') % 2 and len(text) < MAX_LINE_CHARACTERS and (line := file.readline()):
        text += line  # a name of two lines
        n_lines += 1
    if "\x00" in text:
        raise _not_a_text(path)
    choices = [separator] if separator else [usual, *"\t|;,"]
    names = {each: _cells(text, each) for each in choices if each in text}
    if not names:
        raise BadFileError(f"{path} has no comma, semicolon, tab or bar in its first line")
    separator = max(names, key=lambda each: len(names[each]))
    return n_lines, separator, [" ".join(name.split()) for name in names[separator]]


def _first_line(path: Path | str, file: TextIO) -> tuple[int, str, str | None]:
    """The number of the first line that is not blank, its text, and the separator stated before."""
    separator = None
    for n_lines, line in enumerate(iter(lambda: file.readline(MAX_LINE_CHARACTERS), ""), 1):
        text = line.lstrip("\ufeff")  # a second mark
        if len(line) == MAX_LINE_CHARACTERS:
            raise BadFileError(f"{path} has a line of more than {MAX_LINE_CHARACTERS:,} characters")
        if stated := _SEPARATOR_LINE.fullmatch(text):
            separator = stated[1]
        elif text.strip():
            return n_lines, text, separator
    raise BadFileError(f"{path} has no header")


def _cells(line: str, separator: str) -> list[str]:
    return next(csv.reader(io.StringIO(line), delimiter=separator, skipinitialspace=True), [])
