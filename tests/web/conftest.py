"""Fixtures of the page's tests: a browser, a running service, and checks after every visit."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.resources import files
from typing import Any, TypeVar

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    ViewportSize,
    expect,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from sepsis_detect.auth.api_keys import entry, new_key
from tests.web.service import BROWSER_ARGUMENTS, browser_path, service

KEY = new_key()
LANGUAGES = ("en", "fr")
TIMEOUT_MS = 30_000.0  # long enough for a busy machine
expect.set_options(timeout=TIMEOUT_MS)
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
EXPECTED_PATH = re.compile(
    r"/(ward)?(\?lang=(en|fr))?|/web/\w+\.(js|json|css|svg)|/variables|/model|/health|"
    r"/predict/patients?\?include=trend&include=contributions&include=scores"
    r"(&on_incoherence=drop)?"
)
LAST_HEART_RATE = {"well": "74", "septic": "126", "bad": "101"}  # of the examples
FAILED_REQUEST = "Failed to load resource"  # logged by the browser for every 4xx


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Address of a service without authentication."""
    with service() as address:
        yield address


@pytest.fixture(scope="session")
def guarded_address() -> Iterator[str]:
    """Address of a service that requires an API key."""
    with service(API_KEYS=entry("ward", KEY)) as address:
        yield address


# Not for the session: the event loop of Playwright would interfere with those of other tests.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module; each visit has its own context."""
    path = browser_path()
    if path is None and not os.environ.get("CI"):
        pytest.skip("there is no Chromium: sh tools/get_browser.sh")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=BROWSER_ARGUMENTS)
        yield browser
        browser.close()


def texts_of(language: str) -> dict[str, str]:
    """The texts of the pages; the ward board replaces the title."""
    texts: dict[str, str] = {}
    for name in (f"ward_{language}.json", f"table_{language}.json", f"{language}.json"):
        text = files("sepsis_detect").joinpath(f"web/{name}").read_text(encoding="utf-8")
        texts |= json.loads(text)
    return texts


def body_of(request: Request) -> dict[str, Any]:
    """The body of a request of the page."""
    body: dict[str, Any] = json.loads(request.post_data or "")
    return body


class Visit:
    """One use of the page in one language, with the errors and requests of the browser."""

    path = "/"

    def __init__(self, context: BrowserContext, address: str, language: str):
        self.language = language
        self.texts = texts_of(language)
        self.address = address
        self.errors: list[str] = []
        self.requested: list[str] = []
        self.answered: list[Response] = []
        context.set_default_timeout(TIMEOUT_MS)
        self.page: Page = context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(FAILED_REQUEST):
            self.errors.append(message.text)

    def _request(self, request: Request) -> None:
        self.requested.append(request.url)

    def _response(self, response: Response) -> None:
        self.answered.append(response)

    def open(self) -> "Visit":
        """Open the page and wait for its form."""
        self.page.goto(f"{self.address}/?lang={self.language}")
        try:
            self.field("heart_rate").wait_for()
        except PlaywrightTimeoutError:  # seen once, cause unknown: print what is known
            statuses = {response.url: response.status for response in self.answered}
            print("no form:", self.errors, statuses, self.requested)
            raise
        return self

    def text(self, key: str, **values: Any) -> str:
        """A text of the page."""
        text = self.texts[key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def field(self, name: str) -> Locator:
        return self.page.locator(f"#field-{name}")

    def button(self, key: str, **values: Any) -> Locator:
        return self.page.get_by_role("button", name=self.text(key, **values), exact=True)

    def fill(self, **values: str) -> None:
        for name, value in values.items():
            field = self.field(name)
            field.wait_for(state="attached")  # the form is built from the service's variables
            if not field.is_visible():
                panel = field.locator("xpath=ancestor::details").locator("> summary")
                panel.click()
            if field.evaluate("field => field.localName") == "select":
                field.select_option(value)
            else:
                field.fill(value)

    def choose_unit(self, name: str, unit: str) -> None:
        """Set the unit of one field."""
        other = self.page.locator("#other")
        if not other.evaluate("details => details.open"):
            other.locator("> summary").click()
        self.page.locator("#other-field").select_option(name)
        self.page.locator("#other-unit").select_option(unit)
        self.page.locator("#other-use").click()

    def estimate(self) -> None:
        self.button("data.submit").click()

    @property
    def verdict(self) -> Locator:
        return self.page.locator(".verdict .word")

    @property
    def problems(self) -> Locator:
        return self.page.locator("#problems .summary")

    def example(self, name: str) -> None:
        """Load an example: its module is fetched first, and an earlier answer stays until then."""
        self.button(f"examples.{name}").click()
        expect(self.field("heart_rate")).to_have_value(LAST_HEART_RATE[name])

    def _is_expected(self, url: str) -> bool:
        """Whether a request goes to this service, without any value entered."""
        path = url.removeprefix(self.address)
        return url.startswith("blob:") or (path != url and bool(EXPECTED_PATH.fullmatch(path)))

    def check(self) -> None:
        """Check that there is no error, no other host, and no stored value."""
        assert self.errors == []
        assert [url for url in self.requested if not self._is_expected(url)] == []
        if self.page.url.startswith("http"):
            stored = self.page.evaluate(
                "[localStorage.length, sessionStorage.length, document.cookie]"
            )
            assert stored == [0, 0, ""]
            assert self.page.url.partition("#")[0] in (
                f"{self.address}{self.path}?lang={self.language}",
                f"{self.address}{self.path}",
            )


SomeVisit = TypeVar("SomeVisit", bound=Visit)


def _context(browser: Browser, language: str, **options: Any) -> BrowserContext:
    locale = {"en": "en-GB", "fr": "fr-FR"}[language]
    return browser.new_context(**{"locale": locale, "reduced_motion": "reduce"} | options)


@contextmanager
def visiting_as(
    kind: type[SomeVisit], browser: Browser, address: str, language: str, **options: Any
) -> Iterator[SomeVisit]:
    """A visit of a kind with its own browser profile, checked at the end."""
    context = _context(browser, language, **options)
    visit = kind(context, address, language)
    try:
        yield visit
        visit.check()
    finally:
        context.close()


def visiting(
    browser: Browser, address: str, language: str, **options: Any
) -> AbstractContextManager[Visit]:
    """A visit of the page with its own browser profile, checked at the end."""
    return visiting_as(Visit, browser, address, language, **options)


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    """Each language of the page."""
    return str(request.param)


@pytest.fixture(scope="module")
def desktop_contexts(browser: Browser) -> Iterator[dict[str, BrowserContext]]:
    """For each language a browser profile that keeps its cache between visits."""
    contexts = {language: _context(browser, language, viewport=DESKTOP) for language in LANGUAGES}
    yield contexts
    for context in contexts.values():
        context.close()


@pytest.fixture
def visit(
    desktop_contexts: dict[str, BrowserContext], address: str, language: str
) -> Iterator[Visit]:
    """The open page in a desktop window."""
    visit = Visit(desktop_contexts[language], address, language)
    try:
        yield visit.open()
        visit.check()
    finally:
        visit.page.close()
