"""How the page is delivered: small, strict, fast, and from nowhere else."""

import json
import re
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from sepsis_detect.api.routes.page import MEDIA_TYPES, read_assets
from tests.web.conftest import LANGUAGES, visiting, words

MAX_BYTES = 140_000
ASSETS = read_assets()
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def path_of(name: str) -> str:
    return "/" if name == "index.html" else f"/web/{name}"


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_every_file_is_served_strictly_and_asked_for_again_cheaply(
    client: TestClient, name: str
) -> None:
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


def test_the_whole_page_weighs_little() -> None:
    assert sum(len(asset.body) for asset in ASSETS.values()) <= MAX_BYTES


def test_no_file_names_another_host_or_writes_markup() -> None:
    for name, asset in ASSETS.items():
        text = asset.body.decode()
        foreign = set(re.findall(r"https?://[\w.-]+", text)) - {"http://www.w3.org"}
        assert foreign == set(), name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text
        )
        assert not re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie", text)


def test_what_is_no_file_of_the_page_is_not_found(client: TestClient) -> None:
    for path in ("/web/", "/web/nothing.js", "/web/../settings.py", "/web/%2e%2e/model.onnx"):
        assert client.get(path).status_code == 404


def test_both_languages_say_the_same_things() -> None:
    english, french = (words(language) for language in LANGUAGES)
    assert english.keys() == french.keys()
    for key, said in english.items():
        assert set(PLACEHOLDER.findall(said)) == set(PLACEHOLDER.findall(french[key])), key
        assert said
        assert french[key]


def test_french_has_its_spaces_before_signs() -> None:
    for key, said in words("fr").items():
        assert not re.search(r"[^\s\u00a0\u202f][;:?!»](\s|$)", said.replace("…", "")), key
        assert not re.search(r" [;:?!»%]", said), key


def test_every_word_is_used_and_every_word_used_is_there() -> None:
    code = "".join(
        asset.body.decode() for name, asset in ASSETS.items() if not name.endswith("json")
    )
    keys = {re.sub(r"\.(one|other)$", "", key) for key in words("en")}
    said = set(re.findall(r'\bt\("([\w.]+)"', code)) | set(
        re.findall(r'data-t(?:-label)?="([\w.]+)"', code)
    )
    assert said <= keys
    prefixes = set(re.findall(r"\bt\(`([\w.]+)\.\$\{", code))
    quoted = set(re.findall(r'"([\w.]+)"', code))
    unused = {key for key in keys - said - quoted if key.partition(".")[0] not in prefixes}
    assert unused <= {"Positive", "Negative"}  # the service's own words


def test_every_module_is_announced_so_that_none_waits_for_another() -> None:
    index = ASSETS["index.html"].body.decode()
    announced = set(re.findall(r'rel="modulepreload" href="web/([\w.]+)"', index))
    assert announced == {name for name in ASSETS if name.endswith(".js")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cold_load_asks_for_each_file_once_and_is_ready_soon(
    browser: Browser, address: str, language: str
) -> None:
    with visiting(browser, address, language) as visit:
        visit.open()
        asked = [url for url in visit.requested if "/web/" in url]
        assert len(asked) == len(set(asked))
        own = {url.rpartition("/")[2] for url in asked}
        assert {name for name in ASSETS if name.endswith((".js", ".json"))} <= own
        timing: dict[str, Any] = json.loads(
            visit.page.evaluate("JSON.stringify(performance.getEntriesByType('navigation')[0])")
        )
        # 1 s is the aim on an idle machine (`python -m tools.take_screenshots` prints it).
        assert timing["domContentLoadedEventEnd"] < 15_000


def test_markup_that_is_typed_or_pasted_stays_text(visit: Any) -> None:
    bad = "<img src=x onerror=alert(1)>"
    visit.page.get_by_text(visit.say("several.title")).click()
    visit.page.locator("#several-text").fill(f"HR;ICULOS;{bad}\n{bad};1;2")
    visit.button("several.use").click()
    visit.problems.wait_for()
    assert visit.page.locator("#data img").count() == 0


def test_the_package_holds_the_page() -> None:
    assert files("sepsis_detect").joinpath("web/index.html").is_file()
