"""Each page, in both colour schemes and three widths: what it shows, and that everybody can use it."""

import pytest
from playwright.sync_api import Page, expect

from browser import scenes
from browser.conftest import Opener, grave_findings
from browser.standin import StandIn

PLACES = (
    "#/models",
    "#/chat",
    "#/live",
    "#/tenants",
    "#/events",
    "#/services/team-a/chat",
    "#/services/team-b/llama-70b",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_in_the_way_of_anybody_on_any_page(open_page: Opener, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    for place in PLACES:
        page.evaluate(f"location.hash = '{place}'")
        page.wait_for_timeout(100)
        assert grave_findings(page) == [], place


def test_nor_in_its_dialogs(open_page: Opener) -> None:
    page = open_page()
    for name in ("Deploy a service", "Pull a model", "Suspend chat"):
        page.get_by_role("button", name=name).click()
        assert grave_findings(page) == [], name
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 820, 1600])
def test_no_page_has_to_be_scrolled_sideways(open_page: Opener, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 740})
    for place in PLACES:
        page.evaluate(f"location.hash = '{place}'")
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place


def row(page: Page, name: str) -> str:
    return page.locator("tbody", has=page.get_by_role("link", name=name, exact=True)).inner_text()


def test_a_service_that_is_not_ready_says_why_and_what_to_do(open_page: Opener) -> None:
    said = row(open_page(), "llama-70b")
    assert "Unschedulable" in said
    assert "3 Insufficient nvidia.com/gpu" in said
    assert "Add a node, or ask for less" in said


def test_a_download_shows_bytes_rate_and_time_left_and_follows_the_stream(
    open_page: Opener, console: StandIn
) -> None:
    page = open_page()
    assert "37%\n5.6 GiB of 15.3 GiB · 83.0 MB/s · 2 min 4 s left" in row(page, "qwen3-8b")
    further = {"name": "qwen3-8b", "bytesDone": 16_000_000_000, "bytesTotal": 16_380_000_000, "percent": 97}
    console.emit("services", [scenes.service("qwen3-8b", "team-a", "Loading", ready="0/1", model=further)])
    expect(page.get_by_label("Download for qwen3-8b")).to_have_js_property("value", 97)


def test_what_is_missing_is_said_to_be_missing(open_page: Opener, console: StandIn) -> None:
    page = open_page("#/live")
    expect(page.get_by_role("definition").first).to_have_text("1.7")
    console.emit("live", scenes.live(missing="No gateway answers on its admin port."))
    expect(page.get_by_text("No gateway answers on its admin port.")).to_be_visible()
    expect(page.get_by_role("definition").first).to_have_text("no data")


def test_the_last_scaling_decision_is_told_in_its_own_words(open_page: Opener) -> None:
    page = open_page("#/live")
    expect(page.get_by_text("11 requests wait or run, and one worker carries 4.")).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()


def test_an_empty_cluster_says_the_next_command(open_page: Opener, console: StandIn) -> None:
    console.scene = scenes.empty()
    page = open_page()
    expect(page.get_by_text("kubectl apply -f examples/01-quickstart/2-llmservice.yaml")).to_be_visible()
    page.evaluate("location.hash = '#/tenants'")
    expect(page.get_by_text("tidegate keys create NAME -n NAMESPACE")).to_be_visible()


def test_a_service_that_is_gone_has_a_page_that_says_so(open_page: Opener) -> None:
    page = open_page("#/services/team-a/gone")
    expect(page.get_by_text("There is no service gone in team-a")).to_be_visible()


def test_pages_can_be_reached_and_told_apart_by_keyboard(open_page: Opener) -> None:
    page = open_page()
    page.get_by_role("link", name="Events").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Events")).to_be_focused()
    expect(page).to_have_title("Events · Tidegate")


def test_500_services_are_listed_and_one_of_them_is_found(open_page: Opener, console: StandIn) -> None:
    console.scene = scenes.crowd(500)
    page = open_page()
    expect(page.locator("tbody")).to_have_count(500)
    page.get_by_role("searchbox", name="Find services and models").fill("model-321")
    expect(page.locator("tbody")).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="1 of 500 services")).to_be_visible()
