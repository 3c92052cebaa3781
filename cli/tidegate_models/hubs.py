"""What hubs answer to a search, as models; and how they are asked. Pure.

Owns the two protocols: the Hugging Face Hub's `/api/models`, which mirrors serve as well, and ModelScope's
`/openapi/v1/models`. Must not open a socket.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from tidegate_models.errors import HubDown
from tidegate_models.values import Hub, HubModel

Json = Mapping[str, Any]
# ModelScope refuses more a page.
MOST: Final = 50
_ASKED: Final = ("downloads", "likes", "gated", "pipeline_tag", "safetensors", "tags")
# Bytes of one parameter, by the names of the safetensors format.
_WIDTHS: Final = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 8.0),
    **dict.fromkeys(("F32", "I32", "U32"), 4.0),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2.0),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1.0),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 0.75),
    "F4": 0.5,
}


def address(hub: Hub, endpoint: str, query: str, limit: int, task: str | None) -> str:
    """Return the URL that lists a hub's models for a query, the most downloaded first."""
    base = endpoint.rstrip("/")
    if hub is Hub.MODEL_SCOPE:
        asked = {"search": query, "sort": "downloads", "page_number": 1, "page_size": limit}
        return f"{base}/openapi/v1/models?{urlencode({**asked, **({'filter.task': task} if task else {})})}"
    words = {"search": query, "sort": "downloads", "limit": limit, "expand": _ASKED}
    return f"{base}/api/models?{urlencode({**words, **({'pipeline_tag': task} if task else {})}, doseq=True)}"


def models(hub: Hub, answer: Any, where: str) -> list[HubModel]:
    """Return the models of a hub's answer; raises HubDown for an answer that is none."""
    try:
        if hub is Hub.MODEL_SCOPE:
            return [_of_model_scope(one) for one in answer["data"]["models"]]
        return [_of_hugging_face(one) for one in _listed(answer)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise HubDown(
            "the hub's answer is no list of models", where, "is that the address of a hub?"
        ) from error


def _listed(answer: Any) -> list[Json]:
    if not isinstance(answer, list):
        raise TypeError("not a list")
    return answer


def _of_hugging_face(one: Json) -> HubModel:
    safetensors = one.get("safetensors") or {}
    counted: Mapping[str, int] = safetensors.get("parameters") or {}
    return HubModel(
        uri=f"{Hub.HUGGING_FACE}://{one['id']}",
        downloads=one.get("downloads"),
        likes=one.get("likes"),
        gated=bool(one["gated"]) if "gated" in one else None,
        task=one.get("pipeline_tag"),
        license=_tagged(one.get("tags") or (), "license:"),
        parameters=safetensors.get("total") or sum(counted.values()) or None,
        size_bytes=_weight_bytes(counted),
    )


def _of_model_scope(one: Json) -> HubModel:
    tasks = one.get("tasks") or ()
    return HubModel(
        uri=f"{Hub.MODEL_SCOPE}://{one['id']}",
        downloads=one.get("downloads"),
        likes=one.get("likes"),
        gated=one.get("gated"),
        task=str(tasks[0]) if tasks else None,
        license=one.get("license") or None,
        parameters=one.get("params") or None,
        size_bytes=one.get("file_size") or None,
    )


def _weight_bytes(counted: Mapping[str, int]) -> int | None:
    """Return the bytes of all tensors; None where there are none, or a type of which the width is unknown."""
    if not counted or not set(counted) <= set(_WIDTHS):
        return None
    return int(sum(count * _WIDTHS[kind] for kind, count in counted.items()))


def _tagged(tags: Any, prefix: str) -> str | None:
    return next((str(tag).removeprefix(prefix) for tag in tags if str(tag).startswith(prefix)), None)
