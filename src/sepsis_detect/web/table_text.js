// The text of a table: decoding of files, and cells of delimited text.

const DELIMITERS = ["\t", "|", ";", ","];
const SAMPLE_LINES = 20;

/** The text of a file in UTF-8, UTF-16 or Windows-1252. */
export function decode(bytes) {
  const [first, second, third, fourth] = bytes;
  if ((first === 0xff && second === 0xfe) || (second === 0 && fourth === 0)) return new TextDecoder("utf-16le").decode(bytes);
  if ((first === 0xfe && second === 0xff) || (first === 0 && third === 0)) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** The first delimiter that most of the lines have. */
function delimiterOf(text) {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== "").slice(0, SAMPLE_LINES);
  return DELIMITERS.find((each) => lines.filter((line) => line.includes(each)).length * 2 > lines.length) ?? "\t";
}

/** The rows of a text that are not empty: `{line, cells}`. A cell in double quotes may have line breaks. */
export function rowsOf(text) {
  const delimiter = delimiterOf(text);
  const rows = [];
  let line = 1;
  let cells = [];
  let cell = "";
  let isQuoted = false;
  const endCell = () => {
    cells.push(cell.replace(/\s+/g, " ").trim());
    cell = "";
  };
  const endRow = () => {
    endCell();
    if (cells.some(Boolean)) rows.push({ line, cells });
    cells = [];
    line += 1;
  };
  const letters = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at];
    if (letter === '"' && isQuoted && letters[at + 1] === '"') cell += letters[at++];
    else if (letter === '"' && (isQuoted || cell.trim() === "")) isQuoted = !isQuoted;
    else if (letter === delimiter && !isQuoted) endCell();
    else if (letter === "\n" && !isQuoted) endRow();
    else cell += letter;
  }
  endRow();
  return rows;
}

/** Rows as columns and columns as rows; `line` is then the number of the column. */
export function transposed(rows) {
  const width = Math.max(...rows.map(({ cells }) => cells.length));
  const columns = Array.from({ length: width }, (_, at) => ({ line: at + 1, cells: rows.map(({ cells }) => cells[at] ?? "") }));
  return columns.filter(({ cells }) => cells.some(Boolean));
}
