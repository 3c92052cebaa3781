"""The targets, in three modules by whose input they read; by name, for those who run them."""

from collections.abc import Callable
from typing import Any, Final

from fuzz import of_clients, of_people, of_workers

Target = Callable[..., Any]
TARGETS: Final[dict[str, Target]] = {
    name.replace("_", " "): target
    for module in (of_clients, of_workers, of_people)
    for name, target in vars(module).items()
    if hasattr(target, "hypothesis")
}
