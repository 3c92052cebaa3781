"""Settings from the environment."""

import pytest

from tidegate_gateway.settings import Settings, read_settings


def test_nothing_set_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()


def test_everything_can_be_set() -> None:
    got = read_settings(
        {
            "TIDEGATE_NAMESPACES": "a, b,",
            "TIDEGATE_LOG_LEVEL": "DEBUG",
            "TIDEGATE_ACCESS_LOG": "true",
            "TIDEGATE_DRAIN_SECONDS": "30",
            "TIDEGATE_STALL_SECONDS": "600",
            "TIDEGATE_ANONYMOUS_TENANT": "team/public",
            "POD_NAMESPACE": "tidegate",
            "POD_UID": "u1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        }
    )
    assert got.traces_endpoint == "http://collector:4318"
    assert (got.anonymous_tenant, got.pod_namespace, got.pod_uid) == (("team", "public"), "tidegate", "u1")
    assert (got.namespaces, got.log_level, got.access_log) == (("a", "b"), "debug", True)
    assert (got.drain_seconds, got.limits.stall_seconds) == (30, 600)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIDEGATE_LOG_LEVEL", "loud"),
        ("TIDEGATE_ACCESS_LOG", "perhaps"),
        ("TIDEGATE_DRAIN_SECONDS", "soon"),
        ("TIDEGATE_DRAIN_SECONDS", "0"),
        ("TIDEGATE_STALL_SECONDS", "-1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("TIDEGATE_ANONYMOUS_TENANT", "public"),
        ("TIDEGATE_ANONYMOUS_TENANT", "/public"),
        ("TIDEGATE_ANONYMOUS_TENANT", "a/b/c"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        read_settings({name: value})
