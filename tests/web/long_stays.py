"""A long stay as a pasted table."""

from playwright.sync_api import expect

from tests.web.conftest import Visit


def use_long_stay(visit: Visit, *, n_hours: int) -> None:
    """Paste a stay of so many hours and estimate it."""
    rows = [f"71;1;{hour};{80 + hour % 9};{75 - hour % 5};18;37" for hour in range(1, n_hours + 1)]
    visit.page.locator("#several > summary").click()
    table = "\n".join(["Age;Gender;ICULOS;HR;MAP;Resp;Temp", *rows])
    visit.page.locator("#several-text").fill(table)
    visit.button("several.use").click()
    expect(visit.verdict).to_be_visible()
