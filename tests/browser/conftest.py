"""Fixtures of the web app's tests: Debian's Chromium, the built app, and a console that stands in for the real one.

A page fails its test when it breaks the content security policy, raises, or logs an error that nobody expected.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

import consoleui
from browser import scenes
from browser.standin import KEY, TOKEN, StandIn
from localcluster import packages

AXE = consoleui.UI / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = {"serious", "critical"}
# Browsers log each answer that is an error, wanted or not.
EXPECTED = "Failed to load resource"


@pytest.fixture(scope="session")
def app() -> Path:
    """The built app."""
    return consoleui.build()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; each page has a context of its own."""
    packages.ensure_browser()
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def console(app: Path) -> Iterator[StandIn]:
    """A console that shows one of everything."""
    server = StandIn(app, scenes.ordinary()).start()
    yield server
    server.stop()


Opener = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser, console: StandIn) -> Iterator[Opener]:
    """Open a page at a place of the app, signed in and with a key unless told otherwise."""
    contexts, wrong = [], []

    def logged(message: ConsoleMessage) -> None:
        if message.type == "error" and EXPECTED not in message.text:
            wrong.append(message.text)

    def opened(place: str = "#/models", *, signed_in: bool = True, **context: Any) -> Page:
        made = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **context})
        contexts.append(made)
        page = made.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", logged)
        if signed_in:
            page.add_init_script(
                f"sessionStorage.setItem('tidegate.token', '{TOKEN}'); sessionStorage.setItem('tidegate.key', '{KEY}')"
            )
        page.goto(f"{console.url}/{place}")
        page.wait_for_selector("h1, .empty")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def grave_findings(page: Page) -> list[str]:
    """Return what axe finds serious or critical on a page as it is now, each with where it is."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
