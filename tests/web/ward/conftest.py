"""The ward board as its tests visit it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Locator, expect

from tests.web.conftest import Visit


class Board(Visit):
    """One use of the ward board in one language."""

    path = "/ward"

    def open(self) -> "Board":
        """Open the board and wait until it can read tables."""
        self.page.goto(f"{self.address}/ward?lang={self.language}")
        expect(self.button("ward.example")).to_be_enabled()
        return self

    def give(self, table: str) -> None:
        """Give a table as a file: Playwright types long texts slowly."""
        if not self.page.locator("#several-text").is_visible():
            self.page.locator("#several > summary").click()
        file = FilePayload(name="ward.csv", mimeType="text/csv", buffer=table.encode())
        self.page.locator("#several-file").set_input_files(file)
        expect(self.page.locator("#several-text")).to_have_value(table)

    def estimate(self) -> None:
        """Estimate the ward of the table."""
        self.button("ward.use").click()
        self.rows.first.wait_for()

    def show(self, table: str) -> None:
        """The board of a table."""
        self.give(table)
        self.estimate()

    def show_example(self) -> None:
        """The board of the example ward."""
        self.button("ward.example").click()
        expect(self.rows).to_have_count(8)

    @property
    def said(self) -> Locator:
        """What is said about the table."""
        return self.page.locator("#several-said")

    @property
    def rows(self) -> Locator:
        return self.page.locator(".board tbody tr")

    def row(self, label: str) -> Locator:
        """The row of a bed."""
        name = self.page.get_by_role("button", name=label, exact=True)
        return self.rows.filter(has=name)

    def labels(self) -> list[str]:
        """The labels of the beds in the order of the board."""
        return self.page.locator(".board .open").all_inner_texts()


@pytest.fixture
def board(
    desktop_contexts: dict[str, BrowserContext], address: str, language: str
) -> Iterator[Board]:
    """The open board in a desktop window."""
    visit = Board(desktop_contexts[language], address, language)
    try:
        yield visit.open()
        visit.check()
    finally:
        visit.page.close()
