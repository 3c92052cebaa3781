"""How a field takes an amount of a resource: text as Kubernetes writes it, or a whole number.

Owns the grammar of quantities. Must not reckon with them.
"""

from typing import Annotated

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# As everywhere in Kubernetes, `cpu: 4` need not be quoted; inside Tidegate it is text.
Quantity = Annotated[
    str,
    BeforeValidator(_as_text),
    StringConstraints(pattern=QUANTITY_PATTERN, max_length=32),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "pattern": QUANTITY_PATTERN, "maxLength": 32}),
]
