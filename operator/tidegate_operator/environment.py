"""What this process is told from outside: environment variables and the settings file they name.

Owns the names of the variables and their defaults. Must not know what they are for.
"""

import logging
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import yaml
from pydantic import ValidationError

from tidegate_api.names import ADMIN_PORT
from tidegate_api.settings import Settings

RESYNC_SECONDS = 300.0
# How often gateways and engines are asked, and replicas decided on; and so how often at most a status is written for
# the sake of numbers.
GATEWAY_SECONDS = 10.0

N = TypeVar("N", int, float)


class BadEnvironment(Exception):
    """The process was started with something it cannot use: what, and where it comes from."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Everything from outside. No `namespaces` means all of them."""

    settings: Settings
    namespaces: tuple[str, ...]
    log_level: str
    identity: str
    own_namespace: str
    admin_port: int
    resync_seconds: float
    gateway_seconds: float

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """Read it all; raises BadEnvironment."""
        chosen = variables.get("TIDEGATE_NAMESPACES", "")
        # Two processes without POD_NAME must not take each other for themselves.
        anonymous = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        return cls(
            settings=_settings(variables.get("TIDEGATE_SETTINGS")),
            namespaces=tuple(sorted({name.strip() for name in chosen.split(",") if name.strip()})),
            log_level=_level(variables.get("TIDEGATE_LOG_LEVEL", "info")),
            identity=variables.get("POD_NAME") or anonymous,
            own_namespace=variables.get("POD_NAMESPACE", "default"),
            admin_port=_number(variables, "TIDEGATE_ADMIN_PORT", ADMIN_PORT),
            resync_seconds=_number(variables, "TIDEGATE_RESYNC_SECONDS", RESYNC_SECONDS),
            gateway_seconds=_number(variables, "TIDEGATE_GATEWAY_SECONDS", GATEWAY_SECONDS),
        )


def _settings(path: str | None) -> Settings:
    if not path:
        return Settings()
    try:
        return Settings.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise BadEnvironment(f"TIDEGATE_SETTINGS names {path}, which cannot be used: {error}") from error


def _level(name: str) -> str:
    if name.upper() not in logging.getLevelNamesMapping():
        raise BadEnvironment(f"TIDEGATE_LOG_LEVEL is {name!r}: use debug, info, warning or error")
    return name


def _number(variables: Mapping[str, str], name: str, default: N) -> N:
    try:
        return type(default)(variables.get(name) or default)
    except ValueError as error:
        raise BadEnvironment(f"{name} is {variables[name]!r}, which is no number") from error
