"""Delivery of the pages: size, headers, caching, load, and completeness of the texts."""

import json
import re
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from sepsis_detect.api.routes.page import MEDIA_TYPES, PAGES, read_assets
from tests.web.conftest import LANGUAGES, texts_of, visiting

MAX_BYTES = 140_000  # of the page in one language
MAX_WARD_BYTES = 60_000  # of the ward board in one language, beyond the page and its tables
MAX_TABLE_BYTES = 45_000  # of the reader of tables, which is loaded when a table is opened
ASSETS = read_assets()
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def path_of(name: str) -> str:
    return PAGES.get(name, f"/web/{name}")


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_every_file_has_a_strict_policy_and_an_etag(client: TestClient, name: str) -> None:
    first = client.get(path_of(name))
    assert first.status_code == 200
    assert first.headers["Content-Type"].startswith(MEDIA_TYPES[f".{name.rpartition('.')[2]}"])
    assert first.headers["Cache-Control"] == "no-cache"
    policy = first.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "http" not in policy
    again = client.get(path_of(name), headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.head(path_of(name)).headers["Content-Length"] == str(len(first.content))


def is_of_tables(name: str) -> bool:
    return name.startswith("table_")


def is_loaded_later(name: str) -> bool:
    """Whether a file is loaded when it is needed, or belongs to the ward board."""
    return is_of_tables(name) or is_of_ward(name) or name == "examples.js"


def is_of_ward(name: str) -> bool:
    return name.startswith("ward")


def test_the_page_as_loaded_is_small(browser: Browser, address: str, language: str) -> None:
    with visiting(browser, address, language) as visit:
        visit.open()
        visit.page.locator("#model-card summary").wait_for()
        loaded = {url.rpartition("/web/")[2] for url in visit.requested if "/web/" in url}
    assert {"main.js", "charts.js", f"{language}.json"} <= loaded
    assert sum(len(ASSETS[name].body) for name in loaded | {"index.html"}) <= MAX_BYTES


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_and_the_ward_board_are_small(language: str) -> None:
    others = tuple(f"{each}.json" for each in LANGUAGES if each != language)
    sizes = {n: len(asset.body) for n, asset in ASSETS.items() if not n.endswith(others)}
    of_tables = sum(size for name, size in sizes.items() if is_of_tables(name))
    of_ward = sum(size for name, size in sizes.items() if is_of_ward(name))
    assert of_tables <= MAX_TABLE_BYTES
    assert of_ward <= MAX_WARD_BYTES


def test_no_file_names_another_host_or_writes_markup() -> None:
    for name, asset in ASSETS.items():
        text = asset.body.decode()
        foreign = set(re.findall(r"https?://[\w.-]+", text)) - {"http://www.w3.org"}
        assert foreign == set(), name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text
        )
        assert not re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie", text)


def test_paths_outside_the_page_are_not_found(client: TestClient) -> None:
    for path in ("/web/", "/web/nothing.js", "/web/../settings.py", "/web/%2e%2e/model.onnx"):
        assert client.get(path).status_code == 404


def test_both_languages_have_the_same_texts_and_placeholders() -> None:
    english, french = (texts_of(language) for language in LANGUAGES)
    assert english.keys() == french.keys()
    for key, said in english.items():
        assert set(PLACEHOLDER.findall(said)) == set(PLACEHOLDER.findall(french[key])), key
        assert said
        assert french[key]


def test_french_texts_have_no_break_spaces_before_punctuation() -> None:
    for key, said in texts_of("fr").items():
        assert not re.search(r"[^\s\u00a0\u202f][;:?!»](\s|$)", said.replace("…", "")), key
        assert not re.search(r" [;:?!»%]", said), key


def test_every_text_is_used_and_every_text_used_exists() -> None:
    code = "".join(
        asset.body.decode() for name, asset in ASSETS.items() if not name.endswith("json")
    )
    keys = {re.sub(r"\.(one|other)$", "", key) for key in texts_of("en")}
    said = set(re.findall(r'\bt\("([\w.]+)"', code)) | set(
        re.findall(r'data-t(?:-label)?="([\w.]+)"', code)
    )
    assert said <= keys
    prefixes = set(re.findall(r"\bt\(`([\w.]+)\.\$\{", code))
    quoted = set(re.findall(r'"([\w.]+)"', code))
    starts = tuple(f"{prefix}." for prefix in prefixes)
    unused = {key for key in keys - said - quoted if not key.startswith(starts)}
    assert unused <= {"Positive", "Negative"}  # values of `prediction`


def test_every_module_is_preloaded() -> None:
    index = ASSETS["index.html"].body.decode()
    preloaded = set(re.findall(r'rel="modulepreload" href="web/([\w.]+)"', index))
    modules = {name for name in ASSETS if name.endswith(".js")}
    assert preloaded == {name for name in modules if not is_loaded_later(name)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cold_load_requests_each_file_once_and_is_fast(
    browser: Browser, address: str, language: str
) -> None:
    with visiting(browser, address, language) as visit:
        visit.open()
        requested = [url for url in visit.requested if "/web/" in url]
        assert len(requested) == len(set(requested))
        own = {url.rpartition("/")[2] for url in requested}
        later = {name for name in ASSETS if is_loaded_later(name)}
        modules = {name for name in ASSETS if name.endswith(".js")} - later
        assert modules | {f"{language}.json"} <= own
        assert not own & later
        timing: dict[str, Any] = json.loads(
            visit.page.evaluate("JSON.stringify(performance.getEntriesByType('navigation')[0])")
        )
        # 1 s is the aim on an idle machine (`python -m tools.take_screenshots` prints it).
        assert timing["domContentLoadedEventEnd"] < 15_000


def test_markup_in_input_stays_text(visit: Any) -> None:
    bad = "<img src=x onerror=alert(1)>"
    visit.page.get_by_text(visit.text("several.title")).click()
    visit.page.locator("#several-text").fill(f"HR;ICULOS;{bad}\n{bad};1;2")
    visit.button("several.use").click()
    visit.problems.wait_for()
    assert visit.page.locator("#data img").count() == 0


def test_the_package_contains_the_page() -> None:
    assert files("sepsis_detect").joinpath("web/index.html").is_file()
