"""What can go wrong with models, each with what, where and what to do.

Owns the kinds: ModelsError, and below it Invalid (what was asked makes no sense), Missing (it is not there), InUse
(somebody needs it), Conflict (somebody else wrote it), Denied (the API server said no), ClusterDown and HubDown (no
answer, or none that makes sense).
Must not hold a secret.
"""

from collections.abc import Sequence


class ModelsError(Exception):
    """Anything that a caller of this package has to tell its user; as text it is one sentence for a terminal."""

    def __init__(self, what: str, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__("".join((what, f" ({where})" if where else "", f": {fix}" if fix else "")))


class Invalid(ModelsError):
    """What was asked for makes no sense, whatever the cluster holds."""


class Missing(ModelsError):
    """There is no such object, or the cluster does not know its kind."""


class InUse(ModelsError):
    """A model that LLMServices use is not removed."""

    def __init__(self, what: str, where: str, users: Sequence[str]) -> None:
        self.users = tuple(users)
        names = ", ".join(self.users)
        super().__init__(
            f"{what} is used by {names}", where, "delete the LLMServices, or give them another model, first"
        )


class Conflict(ModelsError):
    """Somebody else has changed it meanwhile, or owns it."""


class Denied(ModelsError):
    """The API server refused; its own words are in `what`."""


class ClusterDown(ModelsError):
    """The API server did not answer."""


class HubDown(ModelsError):
    """The hub did not answer, or with something that is no list of models."""
