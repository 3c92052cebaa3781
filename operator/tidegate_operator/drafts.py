"""Where the model is that guesses tokens for another one, and whether it is there yet.

Owns its volume, and what a service takes over from the draft's LLMModel. Must not know how it guesses.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from tidegate_api.fit.shape import Shape, from_json
from tidegate_api.names import MODELS_MOUNT
from tidegate_api.settings import Settings
from tidegate_api.tuning import DraftSource
from tidegate_operator import uri, weights
from tidegate_operator.desired import ModelVolume, SideVolume
from tidegate_operator.errors import Stalled, Withheld
from tidegate_operator.facts import Observed
from tidegate_operator.models.naming import cache_volume

MOUNT: Final = "/draft"
_WHERE: Final = "spec.engine.speculative.model.uri"
_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class Draft:
    """The path of a draft as its engine sees it, the volume, its shape where somebody has read its config.json.

    `missing` is why it is not there yet.
    """

    path: str
    volume: SideVolume
    shape: Shape | None = None
    missing: Withheld | None = None


def place(observed: Observed, source: DraftSource, settings: Settings) -> Draft:
    """Return where a draft is; raises Stalled for a URI that names none, or one that is not allowed."""
    try:
        return (
            _of_hub(observed, source, settings) if uri.is_of_hub(source.uri) else _mounted(source, settings)
        )
    except Stalled as reason:
        raise Stalled(reason.reason, reason.message.replace("spec.model.uri", _WHERE)) from reason


def _mounted(source: DraftSource, settings: Settings) -> Draft:
    return _draft(uri.model_volume(source.uri, settings.allowed_file_paths, settings.image_pull_policy))


def _of_hub(observed: Observed, source: DraftSource, settings: Settings) -> Draft:
    cache = cache_volume(settings.models, observed.key.namespace)
    status = (observed.draft or {}).get("status") or {}
    path = status.get("path") or ""
    missing = weights.missing(observed.draft, source.uri) if cache is not None else weights.NO_CACHE
    found = status.get("shape")
    shape = from_json(found) if found else None
    return _draft(uri.cached_volume(source.uri, cache, path), shape, missing)


def _draft(volume: ModelVolume, shape: Shape | None = None, missing: Withheld | None = None) -> Draft:
    if volume.source is None:
        raise Stalled(
            "InvalidValue", f"{_WHERE}: a draft is read from a volume: use hf://, ms://, pvc:// or file:///"
        )
    # Named after what it holds: another revision of it is another version of the workers.
    digest = hashlib.sha256(volume.path.encode("utf-8")).hexdigest()[:_DIGITS]
    return Draft(
        path=volume.path.replace(MODELS_MOUNT, MOUNT, 1),
        volume=SideVolume(f"draft-{digest}", volume.source, MOUNT),
        shape=shape,
        missing=missing,
    )
