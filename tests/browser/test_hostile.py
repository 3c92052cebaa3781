"""Whatever is in a name, a message or an answer stays text."""

from playwright.sync_api import Page, expect

from browser import scenes
from browser.conftest import Opener
from browser.standin import StandIn

PLACES = ("#/models", "#/live", "#/tenants", "#/events", "#/chat")
# Elements that reach over the right edge of the page.
WIDE = """[...document.querySelectorAll('main *')].filter(e => e.checkVisibility()
    && e.getBoundingClientRect().right > innerWidth + 1
    && !e.closest('.clip, .canvas, .pill, td.right, select')).map(e => e.tagName + '.' + e.className)"""
ANSWERS = (
    "<img src=x onerror=\"document.title='x'\">",
    "<script>document.title='x'</script>",
    "<p style='color:red' onclick=alert(1)>styled</p>",
    "[click](javascript:document.title='x')",
    "![seen](https://example.com/pixel.png)",
    "[data](data:text/html,<script>1</script>)",
    "<form action=/api><button>go</button></form>",
    "<iframe src=/></iframe><svg onload=document.title='x'>",
)


HARM = "img, script, iframe, form:not(.composer):not(.grid), [onerror], [onclick], [style*=red]"


def is_unharmed(page: Page) -> bool:
    return page.locator("main").locator(HARM).count() == 0


def test_objects_cannot_bring_markup_onto_any_page(open_page: Opener, console: StandIn) -> None:
    console.scene = scenes.hostile()
    page = open_page()
    for place in PLACES:
        page.evaluate(f"location.hash = '{place}'")
        page.wait_for_timeout(100)
        assert is_unharmed(page), place
        assert page.title().endswith("· Tidegate"), place
        wide = page.evaluate(WIDE)
        assert wide == [], place
        links = page.eval_on_selector_all("a", "all => all.map(a => a.protocol)")
        assert set(links) == {"http:"}, place


def test_answers_cannot_bring_markup_into_the_chat(open_page: Opener, console: StandIn) -> None:
    console.words = tuple(f"{answer}\n\n" for answer in (*ANSWERS, "and **bold**"))
    page = open_page("#/chat")
    page.get_by_label("Your question").fill("Be evil")
    page.keyboard.press("Enter")
    expect(page.locator(".markdown strong")).to_have_text("bold")
    assert is_unharmed(page)
    assert page.title() == "Chat · Tidegate"
    protocols = page.eval_on_selector_all(".markdown a[href]", "all => all.map(a => a.protocol + a.rel)")
    assert protocols == ["https:noopener noreferrer nofollow"]
