"""Take the screenshots of the page for the READMEs: `make screenshots`.

Desktop and phone, both languages, light and dark, refused values, a table, the ward board, and the
print on A4. It also prints the time from a cold load until the form is ready, and of a ward.
"""

import io
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Literal

from PIL import Image, ImageOps
from playwright.sync_api import Browser, FilePayload, Page, ViewportSize, sync_playwright

from sepsis_detect.api.routes.page import read_assets
from tests.web.service import BROWSER_ARGUMENTS, browser_path, service
from tests.web.ward.tables import LARGE

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
DESKTOP, PHONE = ViewportSize(width=1280, height=1180), ViewportSize(width=390, height=844)
A4 = ViewportSize(width=718, height=1047)  # CSS pixels within the margins of print.css
TABLE = "\n".join(
    [
        "HR;MAP;Temp;Creatinine (\u00b5mol/L);ICULOS",
        "92;78;37,4;88;5",
        "97;74;;;6",
        "108;68;38,3;;7",
        "1l5;63;;141;8",
        "121;59;38,9;;9",
    ]
)
Shot = tuple[str, str, str, ViewportSize, Literal["light", "dark"]]
SHOTS: tuple[Shot, ...] = (
    # name, language, content, size, colour scheme
    ("desktop-en", "en", "septic", DESKTOP, "light"),
    ("desktop-fr", "fr", "septic", DESKTOP, "light"),
    ("desktop-en-dark", "en", "well", DESKTOP, "dark"),
    ("refused-fr", "fr", "bad", DESKTOP, "light"),
    ("hours-en", "en", "table", DESKTOP, "light"),
    ("ward-en", "en", "ward", DESKTOP, "light"),
    ("ward-fr", "fr", "ward", DESKTOP, "light"),
    ("phone-en", "en", "septic", PHONE, "light"),
    ("phone-fr", "fr", "septic", PHONE, "dark"),
    ("print-en", "en", "septic", A4, "light"),
    ("print-fr", "fr", "septic", A4, "light"),
)
PAGES = {"ward": ("ward", "#ward-example:enabled")}  # path, and what is there once it is ready
COLOURS = 128


def take(browser: Browser, address: str, shot: Shot) -> float:
    """Take one screenshot; returns the seconds until the form was ready."""
    name, language, shown, size, scheme = shot
    context = browser.new_context(
        viewport=size,
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="fr-FR" if language == "fr" else "en-GB",
        timezone_id="Europe/Paris",
    )
    page: Page = context.new_page()
    page.clock.set_fixed_time("2026-11-25T10:00:00+01:00")
    began = perf_counter()
    path, ready = PAGES.get(shown, ("", "#field-heart_rate"))
    page.goto(f"{address}/{path}?lang={language}")
    page.locator(ready).wait_for()
    seconds = perf_counter() - began
    show(page, shown)
    if size is A4:
        page.emulate_media(media="print")
        page.locator(".chart[viewBox^='0 0 1040']").wait_for()
    if size is not PHONE:
        page.evaluate("scrollTo(0, 0)")
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(0, 0)
    save(page.screenshot(), FOLDER / f"{name}.png", margin=38 if size is A4 else 0)
    context.close()
    return seconds


def show(page: Page, shown: str) -> None:
    """Bring the page to the wanted state: a table in preview, the ward, or an example's answer."""
    if shown == "table":
        page.locator("#several > summary").click()
        page.locator("#several-text").fill(TABLE)
        page.locator("#several-preview td.wrong").wait_for()
        return
    if shown == "ward":
        page.locator("#ward-example").click()
        page.locator(".board tbody tr").first.wait_for()
        return
    page.locator(f"#example-{shown}").click()
    page.locator("#problems .summary" if shown == "bad" else ".verdict").wait_for()


def ward_seconds(browser: Browser, address: str) -> float:
    """Seconds from the click to the drawn board, for 30 patients of 72 hours; the best of three."""
    page = browser.new_page()
    page.goto(f"{address}/ward?lang=en")
    file = FilePayload(name="ward.csv", mimeType="text/csv", buffer=LARGE.encode())
    page.locator("#several-file").set_input_files(file)
    taken = []
    for _ in range(3):
        page.locator("#several-use:enabled").wait_for()
        page.locator("#board-content").evaluate("content => content.replaceChildren()")
        began = perf_counter()
        page.locator("#several-use").click()
        page.locator(".board tbody tr").nth(29).wait_for()
        taken.append(perf_counter() - began)
    page.close()
    return min(taken)


def save(png: bytes, path: Path, *, margin: int) -> None:
    """Write with few colours: a tenth of the size, without a visible difference."""
    image = ImageOps.expand(Image.open(io.BytesIO(png)).convert("RGB"), margin, "white")
    few = image.quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def main() -> int:
    """Take all screenshots."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    loads = []
    with service() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=BROWSER_ARGUMENTS)
        for shot in SHOTS:
            loads.append(take(browser, address, shot))
            size = (FOLDER / f"{shot[0]}.png").stat().st_size
            sys.stdout.write(f"{shot[0]:16} {size / 1000:6.1f} kB\n")
        seconds = ward_seconds(browser, address)
        browser.close()
    later = ("ward", "examples.")
    shown = {name: asset for name, asset in read_assets().items() if not name.startswith(later)}
    sizes = {name: len(asset.body) for name, asset in shown.items() if not name.endswith("fr.json")}
    of_tables = sum(size for name, size in sizes.items() if name.startswith("table_"))
    weight = sum(sizes.values()) - of_tables
    sys.stdout.write(
        f"The page weighs {weight / 1000:.1f} kB in one language, and its reader of tables "
        f"{of_tables / 1000:.1f} kB. From a cold cache the form is ready in "
        f"{median(loads):.2f} s (median of {len(loads)}, slowest {max(loads):.2f} s).\n"
    )
    sys.stdout.write(f"A ward of 30 patients of 72 hours is on the board in {seconds:.2f} s.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
