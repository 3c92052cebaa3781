"""The chat: streaming, its figures, stop, two models side by side, and failures."""

import re

from playwright.sync_api import expect

from browser.conftest import Opener
from browser.standin import StandIn


def test_an_answer_streams_and_has_its_figures_under_it(open_page: Opener, console: StandIn) -> None:
    page = open_page("#/chat?model=chat")
    page.get_by_label("Your question").fill("When does the tide turn?")
    page.keyboard.press("Enter")
    expect(page.locator(".markdown")).to_have_text("The tide turns twice a day.\n")
    expect(page.locator(".markdown strong")).to_have_text("turns")
    expect(page.locator(".answer-figures")).to_contain_text(
        re.compile(r"TTFT\d+ mstok/s[\d.,]+tokens7prompt9endstop")
    )
    expect(page.get_by_role("status").filter(has_text="The answer is complete.")).to_have_count(1)
    assert console.asked[0][2]["messages"] == [{"role": "user", "content": "When does the tide turn?"}]


def test_the_second_question_carries_the_first_and_its_answer(open_page: Opener, console: StandIn) -> None:
    page = open_page("#/chat")
    for text in ("One", "Two"):
        page.get_by_label("Your question").fill(text)
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Send")).to_be_visible()
        expect(page.locator(".answer-figures").last).to_contain_text("stop")
    sent = [(turn["role"], turn["content"]) for turn in console.asked[1][2]["messages"]]
    assert sent == [("user", "One"), ("assistant", "The tide **turns** twice a day."), ("user", "Two")]


def test_stop_keeps_what_was_said(open_page: Opener, console: StandIn) -> None:
    console.words, console.pause = ("word ",) * 1000, 0.05
    page = open_page("#/chat")
    page.get_by_label("Your question").fill("Count")
    page.keyboard.press("Enter")
    expect(page.locator(".markdown")).to_contain_text("word word")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".answer-figures")).to_contain_text("stopped")
    expect(page.get_by_role("button", name="Send")).to_be_visible()


def test_two_models_get_the_same_prompt_and_one_that_fails_says_code_and_request(
    open_page: Opener, console: StandIn
) -> None:
    page = open_page("#/chat")
    page.get_by_label("Side by side").check()
    expect(page.get_by_label("Second model")).to_have_value("other")
    page.get_by_text("Key and parameters").click()
    page.get_by_label("System prompt").fill("Be brief.")
    page.get_by_label("Your question").fill("Hello")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="Answer of chat")).to_contain_text("twice a day")
    expect(page.get_by_role("alert")).to_contain_text("overloaded The queue of class medium is full.")
    expect(page.get_by_role("alert")).to_contain_text("Request req-7")
    first, second = (asked[2] for asked in console.asked)
    assert first["messages"] == second["messages"]
    assert {first["model"], second["model"]} == {"chat", "other"}


def test_without_a_key_it_says_how_to_get_one(open_page: Opener) -> None:
    page = open_page("#/chat", signed_in=False)
    expect(page.get_by_text("This needs an API key.")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    page.get_by_label("API key").fill("sk-of-web")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("chat")
