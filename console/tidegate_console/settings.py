"""What can be set from outside: environment variables and arguments.

Owns names, defaults and their checks. Must not read the environment itself.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tidegate_api.names import ADMIN_PORT

LEVELS: Final = ("debug", "info", "warning", "error")
PORT: Final = 8080


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the console listens, what it shows, whom it asks."""

    gateway_url: str
    # Host and port where every gateway's admin port is found, as DNS has it: one address for each.
    gateways: tuple[str, int] | None = None
    # None listens on all addresses, IPv4 and IPv6.
    host: str | None = None
    port: int = PORT
    admin_port: int = ADMIN_PORT
    # Empty: all namespaces are served.
    namespaces: tuple[str, ...] = ()
    # Whether who has not signed in sees what the console's own account may read.
    read_only: bool = True
    # Names under which it answers without a token, beside addresses and names of Services.
    allowed_hosts: frozenset[str] = frozenset()
    profiles: tuple[str, ...] = ()
    static: Path | None = None
    log_level: str = "info"
    # How often it is asked whether a token is still good while a stream is open.
    check_seconds: float = 25


def read_settings(env: Mapping[str, str], arguments: Sequence[str] = ()) -> Settings:
    """Return the settings; raise ValueError naming the variable that is wrong."""
    level = env.get("TIDEGATE_LOG_LEVEL", "info").lower()
    if level not in LEVELS:
        raise ValueError(f"TIDEGATE_LOG_LEVEL is {level!r}; it must be one of {', '.join(LEVELS)}")
    given = _parser().parse_args(arguments)
    return Settings(
        gateway_url=_url(env, "TIDEGATE_GATEWAY_URL", "http://127.0.0.1:8081"),
        gateways=_address(env, "TIDEGATE_GATEWAYS"),
        host=given.host,
        port=given.port,
        admin_port=given.admin_port,
        namespaces=_names(env, "TIDEGATE_NAMESPACES"),
        read_only=_switch(env, "TIDEGATE_READ_ONLY_WITHOUT_SIGN_IN", default=True),
        allowed_hosts=frozenset(name.lower() for name in _names(env, "TIDEGATE_ALLOWED_HOSTS")),
        profiles=tuple(sorted(_names(env, "TIDEGATE_RESOURCE_PROFILES"))),
        static=given.static if given.static is not None else _built(),
        log_level=level,
        check_seconds=_seconds(env, "TIDEGATE_TOKEN_CHECK_SECONDS", 25),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tidegate_console", description="The console: its API, and the web UI.")
    parser.add_argument("--host", help="address to listen on (default: all)")
    parser.add_argument(
        "--port", type=int, default=PORT, help="port of the UI and the API (default: %(default)s)"
    )
    parser.add_argument(
        "--admin-port", type=int, default=ADMIN_PORT, help="port of metrics (default: %(default)s)"
    )
    parser.add_argument("--static", type=Path, help="directory of the built UI, such as console/ui/dist")
    return parser


def _built() -> Path | None:
    """Return where an image has the UI, None where it has none."""
    folder = Path(__file__).with_name("static")
    return folder if folder.is_dir() else None


def _names(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(one for word in env.get(name, "").split(",") if (one := word.strip()))


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    value = env.get(name) or default
    found = urlsplit(value)
    if found.scheme not in {"http", "https"} or not found.hostname or found.query or found.fragment:
        raise ValueError(
            f"{name} is {value!r}; it must be such as http://tidegate-gateway.tidegate-system.svc"
        )
    return value.rstrip("/")


def _address(env: Mapping[str, str], name: str) -> tuple[str, int] | None:
    value = env.get(name, "")
    if not value:
        return None
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{name} is {value!r}; it must be HOST:PORT")
    return host.strip("[]"), int(port)


def _switch(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = env.get(name, str(default)).lower()
    if value not in {"true", "false"}:
        raise ValueError(f"{name} is {value!r}; it must be true or false")
    return value == "true"


def _seconds(env: Mapping[str, str], name: str, default: int) -> float:
    value = env.get(name, str(default))
    if not value.isdecimal() or not 1 <= int(value) <= 40:
        raise ValueError(f"{name} is {value!r}; it must be a whole number of seconds, 1 to 40")
    return float(value)
