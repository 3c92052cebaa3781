"""The kinds of objects that the console shows, and where the API server has them.

Owns this table. Must not know what any of them says.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from tidegate_api.names import (
    GROUP,
    MODEL_KIND,
    MODELS_PLURAL,
    SERVICE_KIND,
    SERVICES_PLURAL,
    TENANT_KIND,
    TENANTS_PLURAL,
    VERSION,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: the section that it is shown in, its name, and its place in URLs."""

    section: str
    kind: str
    prefix: str
    plural: str

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Return the path of all objects, of a namespace's, or of one."""
        within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        return f"{self.prefix}{within}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


_OURS: Final = f"/apis/{GROUP}/{VERSION}"
SERVICES: Final = Kind("services", SERVICE_KIND, _OURS, SERVICES_PLURAL)
MODELS: Final = Kind("models", MODEL_KIND, _OURS, MODELS_PLURAL)
TENANTS: Final = Kind("tenants", TENANT_KIND, _OURS, TENANTS_PLURAL)
# Of the core group: the cluster's role `view` has had these for ever.
EVENTS: Final = Kind("events", "Event", "/api/v1", "events")
SHOWN: Final = (SERVICES, MODELS, TENANTS, EVENTS)
