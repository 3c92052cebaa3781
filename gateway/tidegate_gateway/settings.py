"""What can be set from outside: the environment variables of the gateway and its limits.

Owns names, defaults and their checks. Must not read the environment itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tidegate_api.names import ADMIN_PORT, GATEWAY_PORT
from tidegate_gateway import semconv
from tidegate_gateway.request import BODY_BYTES, HEADER_BYTES

LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much, and how long, a client or a worker may take."""

    header_bytes: int = HEADER_BYTES
    body_bytes: int = BODY_BYTES
    # Framing around a body (chunk sizes, extensions) may be this many times its limit.
    framing_factor: int = 8
    pipelined_requests: int = 32
    header_seconds: float = 10
    body_idle_seconds: float = 10
    # For the whole body, from its beginning: the largest at 35 kB/s.
    body_seconds: float = 120
    keep_alive_seconds: float = 75
    write_stall_seconds: float = 60
    linger_seconds: float = 2
    connect_seconds: float = 5
    stall_seconds: float = 300
    # Below the 120 s after which our workers close an idle connection.
    upstream_idle_seconds: float = 60
    # A held stream is told that it waits after this time, and again each time.
    heartbeat_seconds: float = 5
    sweep_seconds: float = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the gateway listens, what it watches, how it ends."""

    # None listens on all addresses, IPv4 and IPv6.
    host: str | None = None
    port: int = GATEWAY_PORT
    admin_port: int = ADMIN_PORT
    # None watches all namespaces.
    namespaces: tuple[str, ...] | None = None
    log_level: str = "info"
    access_log: bool = False
    drain_seconds: float = 300
    # Namespace and name of the LLMTenant that requests without a key belong to; None refuses them.
    anonymous_tenant: tuple[str, str] | None = None
    # This Pod, so that it can find its peers and is not its own; empty where there is none.
    pod_namespace: str = ""
    pod_uid: str = ""
    # Address of an OTLP/HTTP collector, such as http://collector:4318; empty for no traces.
    traces_endpoint: str = ""
    # Whether spans also have the names of the conventions for generative AI.
    is_gen_ai_traced: bool = False
    limits: Limits = field(default_factory=Limits)


def read_settings(env: Mapping[str, str]) -> Settings:
    """Return the settings in an environment; raise ValueError naming the variable that is wrong."""
    level = env.get("TIDEGATE_LOG_LEVEL", "info").lower()
    if level not in LEVELS:
        raise ValueError(f"TIDEGATE_LOG_LEVEL is {level!r}; it must be one of {', '.join(LEVELS)}")
    names = [name.strip() for name in env.get("TIDEGATE_NAMESPACES", "").split(",")]
    return Settings(
        namespaces=tuple(name for name in names if name) or None,
        log_level=level,
        access_log=_switch(env, "TIDEGATE_ACCESS_LOG"),
        drain_seconds=_seconds(env, "TIDEGATE_DRAIN_SECONDS", 300),
        anonymous_tenant=_anonymous_tenant(env.get("TIDEGATE_ANONYMOUS_TENANT", "")),
        pod_namespace=env.get("POD_NAMESPACE", ""),
        pod_uid=env.get("POD_UID", ""),
        traces_endpoint=_address(env, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        is_gen_ai_traced=semconv.is_opted_in(env.get("OTEL_SEMCONV_STABILITY_OPT_IN", "")),
        limits=Limits(stall_seconds=_seconds(env, "TIDEGATE_STALL_SECONDS", 300)),
    )


def _anonymous_tenant(value: str) -> tuple[str, str] | None:
    if not value:
        return None
    namespace, _, name = value.partition("/")
    if not namespace or not name or "/" in name:
        raise ValueError(f"TIDEGATE_ANONYMOUS_TENANT is {value!r}; it must be NAMESPACE/NAME of an LLMTenant")
    return namespace, name


def _address(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if value and not value.startswith(("http://", "https://")):
        raise ValueError(f"{name} is {value!r}; it must begin with http:// or https://")
    return value


def _switch(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "false").lower()
    if value not in {"true", "false"}:
        raise ValueError(f"{name} is {value!r}; it must be true or false")
    return value == "true"


def _seconds(env: Mapping[str, str], name: str, default: int) -> float:
    value = env.get(name, str(default))
    if not value.isdecimal() or int(value) == 0:
        raise ValueError(f"{name} is {value!r}; it must be a whole number of seconds, at least 1")
    return float(value)
