"""The console in a browser, on the demo's cluster, with a real model: what a person sees and does there.

`TIDEGATE_PICTURES=1` writes the pictures of docs/how-to/console.md anew.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from e2e import scaled as story
from e2e.cluster import Namespace, eventually, kubectl, port_forward
from e2e.conftest import SERVICE, SYSTEM, Caller
from localcluster import packages

NAME = "asleep"
ACCOUNT = "e2e-console"
PICTURES = Path(__file__).parents[2] / "docs" / "images"
MOST_BYTES = 150_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    packages.ensure_browser()
    # A real model on a busy machine takes its time.
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def console() -> Iterator[str]:
    """The console's address, reachable from here."""
    with port_forward(SYSTEM, "service/tidegate-console", 80) as url:
        yield url


@pytest.fixture(scope="module")
def token(demo: Namespace) -> Iterator[str]:
    """A token of somebody who may edit the demo's namespace."""
    place = ("-n", demo.name)
    kubectl("create", "serviceaccount", ACCOUNT, *place)
    role = ("--clusterrole=edit", f"--serviceaccount={demo.name}:{ACCOUNT}")
    kubectl("create", "rolebinding", ACCOUNT, *role, *place)
    yield kubectl("create", "token", ACCOUNT, *place, "--duration=1h").strip()
    kubectl("delete", "rolebinding,serviceaccount", ACCOUNT, *place)


@pytest.fixture
def page(browser: Browser, console: str) -> Iterator[Page]:
    """A page that nobody is signed in on, and that breaks no rule of the console's policy."""
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    made = context.new_page()
    made.set_default_timeout(30_000)
    made.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.goto(console)
    yield made
    context.close()
    assert [text for text in wrong if "Failed to load resource" not in text] == []


def sign_in(page: Page, token: str) -> None:
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Kubernetes token").fill(token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def go(page: Page, place: str) -> None:
    page.evaluate(f"location.hash = '{place}'")


def row(page: Page, name: str, namespace: str) -> str:
    rows = page.locator("tbody", has=page.get_by_role("link", name=name, exact=True))
    return rows.filter(has_text=namespace).inner_text()


def use_key(page: Page, key: str) -> None:
    """Enter a key, again until the gateway has heard of it, and open the parameters again."""

    def accepted() -> bool:
        page.get_by_role("button", name="Use this key").click()
        page.wait_for_timeout(1000)
        return page.locator("main .banner").count() == 0

    page.get_by_label("API key").fill(key)
    eventually(accepted, "the gateway knows the key", 60)
    page.get_by_text("Key and parameters").click()


def test_without_signing_in_the_demo_is_seen_and_cannot_be_changed(page: Page, demo: Namespace) -> None:
    assert "Ready" in row(page, SERVICE, demo.name)
    expect(page.get_by_text("Read-only")).to_be_visible()
    suspend = page.get_by_role("button", name=f"Suspend {SERVICE}", exact=True).first
    expect(suspend).to_have_attribute("aria-disabled", "true")


def test_the_chat_streams_a_real_answer_with_its_figures_and_stops(page: Page, caller: Caller) -> None:
    go(page, f"#/chat?model={SERVICE}")
    use_key(page, caller.key)
    expect(page.get_by_label("Model", exact=True)).to_have_value(SERVICE)
    # So long that a busy machine does not read all of it at once: then there is no rate to tell.
    page.get_by_label("Most tokens of an answer").fill("200")
    page.get_by_label("Your question").fill(story.STORY)
    page.keyboard.press("Enter")
    figures = page.locator(".answer-figures").first
    expect(figures).to_contain_text(
        re.compile(r"TTFT[\d.,]+ m?stok/s[\d.,]+tokens\d+prompt\d+end(stop|length)")
    )
    page.get_by_label("Most tokens of an answer").fill("1500")
    page.get_by_label("Your question").fill(story.STORY)
    page.keyboard.press("Enter")
    expect(page.locator(".markdown").nth(1)).to_contain_text(re.compile(r"\w"))
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".answer-figures").nth(1)).to_contain_text("stopped")


def test_a_real_request_is_seen_on_the_live_page(page: Page, caller: Caller) -> None:
    go(page, "#/live")
    with caller.client() as client:
        client.chat.completions.create(
            model=SERVICE, messages=[{"role": "user", "content": "Hello"}], max_tokens=32
        )
    tokens = page.locator(".totals > div", has_text="Tokens/s").locator("dd")
    expect(tokens).to_have_text(re.compile(r"^(?!0\.0$)[\d.,]+$"))


def test_a_service_is_loaded_and_suspended_by_somebody_who_may(
    page: Page, demo: Namespace, token: str
) -> None:
    made = story.manifest()
    spec = {**made["spec"], "suspend": True, "replicas": 1}
    spec.pop("scaling")
    demo.apply({**made, "metadata": {"name": NAME}, "spec": spec})
    try:
        sign_in(page, token)
        expect(page.locator(".user")).to_contain_text(ACCOUNT)
        page.get_by_role("button", name=f"Load {NAME}").click()
        eventually(lambda: demo.pods_of(NAME), "a worker is made", 60)
        expect(page.get_by_role("button", name=f"Suspend {NAME}")).to_be_visible()
        page.get_by_role("button", name=f"Suspend {NAME}").click()
        page.get_by_role("button", name="Suspend", exact=True).click()
        eventually(lambda: not demo.pods_of(NAME), "the worker is gone", 90)
        expect(page.get_by_role("button", name=f"Load {NAME}")).to_be_visible()
        go(page, f"#/services/{demo.name}/{NAME}")
        expect(page.locator("main")).to_contain_text("Suspended")
    finally:
        kubectl("delete", "llmservice", NAME, "-n", demo.name)


def test_events_of_the_cluster_are_told(page: Page, demo: Namespace) -> None:
    go(page, "#/events")
    expect(page.locator("tbody tr").first).to_be_visible()
    go(page, f"#/services/{demo.name}/{SERVICE}")
    expect(page.get_by_role("heading", name="Conditions")).to_be_visible()


@pytest.mark.skipif(not os.environ.get("TIDEGATE_PICTURES"), reason="TIDEGATE_PICTURES=1 writes the pictures")
def test_pictures(browser: Browser, console: str, demo: Namespace, caller: Caller, token: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
        context.add_init_script(f"sessionStorage.setItem('tidegate.token', '{token}')")
        context.add_init_script(f"sessionStorage.setItem('tidegate.key', '{caller.key}')")
        page = context.new_page()
        page.goto(console)
        page.wait_for_selector("table")
        _pictures(page, scheme, demo)
        context.close()


def _pictures(page: Page, scheme: str, demo: Namespace) -> None:
    go(page, "#/chat?model=chat")
    page.get_by_label("Side by side").check()
    page.get_by_label("Your question").fill("What is a tide? Answer in one sentence.")
    page.keyboard.press("Enter")
    for side in (0, 1):
        expect(page.locator(".answer-figures dt", has_text="end").nth(side)).to_be_visible(timeout=90_000)
    _picture(page, "chat", scheme)
    if scheme == "light":
        time.sleep(60)  # The charts need something to show.
    for name, place in {
        "models": "#/models",
        "live": f"#/live?service={demo.name}/{SERVICE}",
        "service": f"#/services/{demo.name}/{SERVICE}",
        "tenants": "#/tenants",
        "events": "#/events",
    }.items():
        if scheme == "light" or name == "live":
            go(page, place)
            time.sleep(1)
            _picture(page, name, scheme)


def _picture(page: Page, name: str, scheme: str) -> None:
    path = PICTURES / f"console-{name}{'-dark' if scheme == 'dark' else ''}.png"
    page.screenshot(path=path)
    assert path.stat().st_size <= MOST_BYTES
