"""`python -m tidegate_api crd|schema [KIND]`: the contract as JSON, which `kubectl apply -f -` takes as it is."""

import json
import sys
from typing import Any, Final

from tidegate_api.crd import RESOURCES, definition, schema

USAGE: Final = f"usage: python -m tidegate_api crd|schema [{'|'.join(one.kind for one in RESOURCES)}]"


def document(words: list[str]) -> dict[str, Any] | None:
    """Return what the words ask for: a List of definitions, or one schema; None where they make no sense."""
    match words:
        case ["crd"]:
            items = [definition(resource) for resource in RESOURCES]
            return {"apiVersion": "v1", "kind": "List", "items": items}
        case ["crd" | "schema" as what, kind]:
            make = definition if what == "crd" else schema
            return next((make(one) for one in RESOURCES if kind in {one.kind, one.singular}), None)
        case _:
            return None


def main(words: list[str]) -> int:
    """Print what is asked for; 2 for a question that has no answer."""
    found = document(words)
    if found is None:
        print(USAGE, file=sys.stderr)
        return 2
    print(json.dumps(found, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
