"""Whose an object is that has a name which we need, and the refusal to take over what is not ours. Pure.

Owns the words of a name conflict. Must not know why the name is needed.
"""

from tidegate_api.names import SERVICE_KIND
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Manifest


def refuse_foreign(found: Manifest, wanted: Manifest) -> None:
    """Raise Stalled if an object does not belong to whom the manifest of that name belongs."""
    owner, ours = _controller(found), _controller(wanted)
    if owner is None or ours is None or owner.get("uid") != ours["uid"]:
        raise Stalled("NameConflict", f"{found['kind']} {found['metadata']['name']!r} {_whose(owner)}")


def is_made_for(found: Manifest, uid: str) -> bool:
    """Return whether the controller of an object is the LLMService of this UID."""
    owner = _controller(found)
    return owner is not None and owner.get("uid") == uid


def _controller(of: Manifest) -> Manifest | None:
    owners = of["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def _whose(owner: Manifest | None) -> str:
    if owner is None:
        return (
            "is there already and was not made by Tidegate, which never takes over what is not its own: "
            "rename or delete it, or give this LLMService another name"
        )
    if owner.get("kind") == SERVICE_KIND:
        return (
            "belongs to a deleted LLMService of this name and is still being removed: nothing is to be done"
        )
    return f"belongs to {owner.get('kind')} {owner.get('name')!r}: rename that, or give this LLMService another name"
