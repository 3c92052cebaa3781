"""The web app in a browser, on the real console process and the real API server: what is pressed is what is stored."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

import consoleui
from integration.api import Api
from integration.console.conftest import READ, WRITE, Console, People, running
from localcluster import packages


@pytest.fixture(scope="module")
def shown(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console with the built app."""
    with running(api, tmp_path_factory.mktemp("log"), {}, f"--static={consoleui.build()}") as made:
        yield made


@pytest.fixture
def page(shown: Console) -> Iterator[Page]:
    """A page that breaks no rule of the policy that the console sends with it."""
    packages.ensure_browser()
    expect.set_options(timeout=30_000)
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened = browser.new_page()
        opened.set_default_timeout(30_000)
        opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.goto(shown.url)
        yield opened
        browser.close()
    assert [text for text in wrong if "Failed to load resource" not in text] == []


def make(api: Api, namespace: str, name: str) -> None:
    made = {
        "apiVersion": "serving.tidegate.dev/v1alpha1",
        "kind": "LLMService",
        "metadata": {"name": name},
        "spec": {"model": {"uri": "pvc://models/tiny"}},
    }
    api.create(made, namespace)


def sign_in(page: Page, token: str) -> None:
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Kubernetes token").fill(token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_what_is_made_appears_and_what_is_pressed_is_stored(
    page: Page, api: Api, people: People, namespace: str
) -> None:
    make(api, namespace, "seen")
    expect(page.get_by_role("link", name="seen")).to_be_visible()
    sign_in(page, people.join("editor", WRITE))
    expect(page.locator(".user")).to_contain_text(f"{namespace}:editor")
    page.get_by_role("button", name="Suspend seen").click()
    page.get_by_role("button", name="Suspend", exact=True).click()
    expect(page.get_by_role("button", name="Load seen")).to_be_visible()
    assert api.get("LLMService", namespace, "seen")["spec"]["suspend"] is True


def test_what_the_api_server_refuses_is_said_at_the_field_and_nothing_is_made(
    page: Page, api: Api, people: People, namespace: str
) -> None:
    sign_in(page, people.join("editor", WRITE))
    page.get_by_role("button", name="Deploy a service").click()
    page.get_by_label("Name", exact=True).fill("new")
    page.get_by_label("Namespace", exact=True).last.fill(namespace)
    page.get_by_label("Model", exact=True).fill("ftp://models/tiny")
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator("#uri-help")).to_contain_text("unknown scheme")
    assert listed(api, namespace) == []
    page.get_by_label("Model", exact=True).fill("pvc://models/tiny")
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_role("link", name="new", exact=True)).to_be_visible()
    assert listed(api, namespace) == ["new"]


def test_who_may_only_look_is_told_so_as_the_api_server_has_it(
    page: Page, api: Api, people: People, namespace: str
) -> None:
    make(api, namespace, "kept")
    sign_in(page, people.join("viewer", READ))
    suspend = page.get_by_role("button", name="Suspend kept")
    expect(suspend).to_have_attribute("aria-disabled", "true")
    suspend.click(force=True)
    expect(page.locator(".notice.bad")).to_contain_text("Ask for the cluster's role")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert api.get("LLMService", namespace, "kept")["spec"]["suspend"] is False


def listed(api: Api, namespace: str) -> list[str]:
    found = api.kubectl("get", "llmservice", "-n", namespace, "-o", "name")
    return [line.partition("/")[2] for line in found.split()]
