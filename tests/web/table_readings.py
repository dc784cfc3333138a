"""Reading of tables by the page's own reader, without the page around it."""

from typing import Any

from tests.web.conftest import Visit

READ = """async ([texts, answers]) => {
    const { noAnswers, readTable } = await import("/web/table_reader.js");
    const { Headers } = await import("/web/table_columns.js");
    const service = await (await fetch("/variables")).json();
    const headers = new Headers(service.variables, service.table_words);
    return texts.map((text) => {
        const table = readTable(text, headers, { ...noAnswers(), ...answers });
        const columns = table.columns.map(({ text, kind, name, unit, role, ...is }) => ({
            text, kind, name, unit, role,
            isOpen: Boolean(is.isUnclear || is.isUnknown || is.isDoubtful),
        }));
        const { errors, hours, constants, units, isComplete, isReadable, isSorted } = table;
        return { columns, errors, hours, constants, units, isComplete, isReadable, isSorted };
    });
}"""


def read(visit: Visit, *texts: str, **answers: Any) -> list[dict[str, Any]]:
    """Read tables; `answers` is what the user would choose, and `system` the usual units."""
    tables: list[dict[str, Any]] = visit.page.evaluate(READ, [texts, {"system": "si"} | answers])
    return tables


def names(table: dict[str, Any]) -> dict[str, str | None]:
    """What each column was taken for; None: not used, "?": to be answered."""
    return {
        column["text"]: "?" if column["isOpen"] else column.get("name")
        for column in table["columns"]
    }
