"""The operator's settings, as the cluster has them, for who may read them.

Owns where they are. Must not judge them.
"""

from typing import Any

import yaml
from pydantic import ValidationError

from tidegate_api.names import COMPONENT_LABEL, OPERATOR_COMPONENT
from tidegate_api.settings import Settings
from tidegate_cli.shell.kube import Kube
from tidegate_models.errors import Denied, Missing

SELECTOR = f"app.kubernetes.io/name=tidegate,{COMPONENT_LABEL}={OPERATOR_COMPONENT}"


def raw_settings(kube: Kube) -> dict[str, Any] | None:
    """Return the operator's settings as they are written, None where they cannot be read."""
    try:
        found = kube.items("/api/v1/configmaps", labelSelector=SELECTOR)
    except (Denied, Missing):
        return None
    texts = [one["data"]["settings.yaml"] for one in found if "settings.yaml" in (one.get("data") or {})]
    try:
        # Of two installations nobody knows which is meant.
        written = yaml.safe_load(texts[0]) if len(texts) == 1 else None
    except yaml.YAMLError:
        return None
    return written if isinstance(written, dict) else None


def settings_of(kube: Kube) -> Settings | None:
    """Return the operator's settings, None where they cannot be read or are those of another version."""
    written = raw_settings(kube)
    try:
        return Settings.model_validate(written) if written is not None else None
    except ValidationError:
        return None
