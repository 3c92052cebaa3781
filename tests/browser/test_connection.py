"""The one stream of a tab: what is shown while it is lost, and what after it is back."""

from playwright.sync_api import expect

from browser import scenes
from browser.conftest import Opener
from browser.standin import StandIn


def test_a_lost_connection_is_seen_at_once_and_the_next_snapshot_replaces_everything(
    open_page: Opener, console: StandIn
) -> None:
    page = open_page()
    expect(page.get_by_text("Up to date")).to_be_visible()
    console.down = True
    console.scene = {**scenes.empty(), "services": [scenes.service("fresh")]}
    console.drop()
    expect(page.locator(".fresh")).to_have_text("Not live")
    expect(page.get_by_text("what you see is from before")).to_be_visible()
    assert "stale" in (page.locator("main").get_attribute("class") or "")
    console.down = False
    expect(page.get_by_role("link", name="fresh", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="qwen3-8b")).to_have_count(0)
    expect(page.get_by_text("Up to date")).to_be_visible()


def test_live_figures_are_not_shown_as_live_when_they_stop_coming(
    open_page: Opener, console: StandIn
) -> None:
    page = open_page("#/live")
    page.clock.install()
    page.reload()
    expect(page.get_by_role("definition").first).to_have_text("1.7")
    page.clock.fast_forward(9_000)
    expect(page.get_by_text("No live figures for more than 8 seconds")).to_be_visible()
    expect(page.get_by_role("definition").first).to_have_text("no data")


def test_a_tab_has_one_stream_on_all_pages(open_page: Opener, console: StandIn) -> None:
    page = open_page()
    for place in ("#/live", "#/events", "#/services/team-a/chat", "#/models"):
        page.evaluate(f"location.hash = '{place}'")
        page.wait_for_timeout(50)
    assert len(console.streams) == 1


def test_what_comes_is_shown_as_it_comes(open_page: Opener, console: StandIn) -> None:
    page = open_page("#/events")
    console.emit("events", [scenes.event("chat", "ScaledDown", "Two are enough.", seconds=0)])
    expect(page.get_by_text("Two are enough.")).to_be_visible()
