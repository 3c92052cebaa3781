"""Who may do what: the token, what is offered without one, and what is sent with it."""

from playwright.sync_api import expect

from browser.conftest import Opener
from browser.standin import TOKEN, StandIn


def test_without_a_token_everything_is_shown_and_nothing_can_be_done(
    open_page: Opener, console: StandIn
) -> None:
    page = open_page(signed_in=False)
    expect(page.get_by_text("Read-only")).to_be_visible()
    suspend = page.get_by_role("button", name="Suspend chat")
    expect(suspend).to_have_attribute("aria-disabled", "true")
    expect(suspend).to_have_attribute("title", "Sign in to do this.")
    suspend.click(force=True)
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    assert console.asked == []


def test_who_may_only_look_is_told_so_instead_of_being_refused(open_page: Opener, console: StandIn) -> None:
    nothing: dict[str, list[str]] = {"services": [], "models": [], "tenants": []}
    console.rights = {"team-a": nothing, "team-b": {**nothing, "services": ["create", "patch"]}}
    page = open_page()
    suspend = page.get_by_role("button", name="Suspend chat")
    expect(suspend).to_have_attribute("aria-disabled", "true")
    why = "Your account may not change services in team-a. Ask for the cluster's role edit there."
    expect(suspend).to_have_attribute("aria-description", why)
    suspend.click(force=True)
    expect(page.get_by_text(why)).to_be_visible()
    expect(page.get_by_role("button", name="Load nightly-batch")).to_have_attribute("aria-disabled", "false")
    expect(page.get_by_role("button", name="Pull a model")).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_role("button", name="Deploy a service")).to_have_attribute("aria-disabled", "false")
    assert console.asked == []


def test_what_is_not_known_of_a_namespace_is_offered(open_page: Opener, console: StandIn) -> None:
    console.rights = {}
    page = open_page()
    expect(page.get_by_role("button", name="Suspend chat")).to_have_attribute("aria-disabled", "false")


def test_a_token_that_is_wrong_is_refused_and_forgotten(open_page: Opener) -> None:
    page = open_page(signed_in=False)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Kubernetes token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Nobody is signed in. Sign in with a Kubernetes token.")
    assert page.evaluate("sessionStorage.length") == 0


def test_a_good_token_says_who_one_is_and_stays_in_the_tab(open_page: Opener) -> None:
    page = open_page(signed_in=False)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Kubernetes token").fill(f" {TOKEN} ")
    page.keyboard.press("Enter")
    expect(page.locator(".user")).to_have_text("ada")
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert page.evaluate("sessionStorage.getItem('tidegate.token')") == TOKEN
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("Read-only")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_where_nobody_may_look_without_a_token_it_asks_for_one(open_page: Opener, console: StandIn) -> None:
    console.may_read = False
    page = open_page(signed_in=False)
    expect(page.locator(".empty")).to_contain_text("Nobody is signed in.")
    page.locator("main").get_by_role("button", name="Sign in").click()
    page.get_by_label("Kubernetes token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="qwen3-8b")).to_be_visible()


def test_suspending_says_what_is_lost_before_it_is_done(open_page: Opener, console: StandIn) -> None:
    page = open_page()
    page.get_by_role("button", name="Suspend chat").click()
    expect(page.get_by_role("dialog")).to_contain_text("requests get 503 until it is loaded again")
    page.get_by_role("button", name="Cancel").click()
    assert console.asked == []
    page.get_by_role("button", name="Suspend chat").click()
    page.get_by_role("button", name="Suspend", exact=True).click()
    expect(page.get_by_text("chat is being suspended.")).to_be_visible()
    assert console.asked == [("POST", "/api/v1/services/team-a/chat/unload", None)]


def test_what_the_api_server_refuses_is_said_at_the_field(open_page: Opener, console: StandIn) -> None:
    page = open_page()
    page.get_by_role("button", name="Deploy a service").click()
    page.get_by_label("Name", exact=True).fill("new")
    page.get_by_label("Model", exact=True).fill("ftp://model")
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator("#uri-help")).to_contain_text("model.uri has an unknown scheme")
    assert [path for _, path, _ in console.asked] == ["/api/v1/services?dryRun=true"]
    page.get_by_label("Model", exact=True).fill("hf://Qwen/Qwen3-0.6B")
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_text("new is being deployed.")).to_be_visible()
    spec = {"model": {"uri": "hf://Qwen/Qwen3-0.6B"}, "resourceProfile": "cpu:1", "replicas": 1}
    assert console.asked[-1] == (
        "POST",
        "/api/v1/services",
        {"namespace": "team-a", "name": "new", "spec": spec},
    )


def test_a_model_is_found_on_the_hub_and_pulled(open_page: Opener, console: StandIn) -> None:
    page = open_page()
    page.get_by_role("button", name="Pull a model").click()
    page.get_by_label("Name, or hf://ORG/NAME").fill("qwen3")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("4.2M downloads")).to_be_visible()
    page.get_by_role("button", name="Pull hf://Qwen/Qwen3-0.6B").click()
    expect(page.get_by_text("is being pulled into team-a.")).to_be_visible()
    assert console.asked[-1] == (
        "POST",
        "/api/v1/models",
        {"namespace": "team-a", "uri": "hf://Qwen/Qwen3-0.6B"},
    )


def test_a_key_is_shown_once_and_can_be_used_at_once(open_page: Opener, console: StandIn) -> None:
    page = open_page("#/tenants")
    page.evaluate("sessionStorage.removeItem('tidegate.key')")
    page.get_by_role("button", name="Make a key for web").click()
    page.get_by_label("Name", exact=True).fill("notebook")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text("sk-of-web")).to_be_visible()
    page.get_by_role("button", name="Use it in Chat").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("chat")
    assert console.asked[0] == (
        "POST",
        "/api/v1/keys",
        {"namespace": "team-a", "tenant": "web", "name": "notebook"},
    )


def test_revoking_a_key_names_it_and_its_tenant(open_page: Opener, console: StandIn) -> None:
    page = open_page("#/tenants")
    page.get_by_role("button", name="Revoke ci").first.click()
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_text("The key ci is revoked.")).to_be_visible()
    assert console.asked == [("DELETE", "/api/v1/keys/team-a/ci?tenant=web", None)]
