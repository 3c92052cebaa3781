"""What can be set, and what is refused by the name of what is wrong."""

from pathlib import Path

import pytest

from tidegate_console.settings import read_settings


def test_what_the_chart_sets_is_read() -> None:
    env = {
        "TIDEGATE_GATEWAY_URL": "http://tidegate-gateway.tidegate-system.svc:80/",
        "TIDEGATE_GATEWAYS": "tidegate-gateways.tidegate-system.svc:9090",
        "TIDEGATE_NAMESPACES": "b, a,",
        "TIDEGATE_READ_ONLY_WITHOUT_SIGN_IN": "false",
        "TIDEGATE_ALLOWED_HOSTS": "Console.Example",
        "TIDEGATE_RESOURCE_PROFILES": "nvidia,cpu",
    }
    found = read_settings(env, ["--port=0", "--static", "/ui"])
    assert found.gateway_url == "http://tidegate-gateway.tidegate-system.svc:80"
    assert found.gateways == ("tidegate-gateways.tidegate-system.svc", 9090)
    assert (found.namespaces, found.read_only, found.profiles) == (("b", "a"), False, ("cpu", "nvidia"))
    assert (found.allowed_hosts, found.port, found.static) == ({"console.example"}, 0, Path("/ui"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIDEGATE_LOG_LEVEL", "loud"),
        ("TIDEGATE_GATEWAY_URL", "gateway:80"),
        ("TIDEGATE_GATEWAY_URL", "http://"),
        ("TIDEGATE_GATEWAY_URL", "http://a?b=c"),
        ("TIDEGATE_GATEWAYS", "a"),
        ("TIDEGATE_GATEWAYS", "a:99999"),
        ("TIDEGATE_READ_ONLY_WITHOUT_SIGN_IN", "maybe"),
        ("TIDEGATE_TOKEN_CHECK_SECONDS", "60"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        read_settings({name: value})
