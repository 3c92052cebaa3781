"""The vocabulary: every reason that the operator can give is documented, and every documented one is given."""

import ast
from pathlib import Path

import tidegate_operator
from tidegate_api.names import LOADER_REASONS
from tidegate_operator import adapterreasons
from tidegate_operator.conditions.crash import MODEL_REASONS, WORKLOAD_REASONS
from tidegate_operator.models import status as model_status
from tidegate_operator.reasons import REASONS, render_markdown
from tidegate_operator.rollout import entry
from tidegate_operator.scalingstatus import CONSTRAINTS, EVENTS

# Whose first argument is a reason.
GIVERS = frozenset({"Finding", "Stalled", "Withheld", "Problem", "Clamp", "hold", "Remark"})


def given() -> set[str]:
    """Return the reasons written out anywhere in the operator."""
    found = set(
        MODEL_REASONS
        | WORKLOAD_REASONS
        | EVENTS
        | CONSTRAINTS
        | LOADER_REASONS
        | model_status.EVENTS
        | adapterreasons.EVENTS
        | entry.EVENTS
    )
    for path in Path(tidegate_operator.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called, reason = node.func, node.args[0]
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in GIVERS and isinstance(reason, ast.Constant):
                found.add(str(reason.value))
    return found


def test_every_reason_given_is_documented_and_every_documented_one_is_given() -> None:
    assert given() == set(REASONS)


def test_a_reason_is_one_camel_case_word_that_an_event_can_hold() -> None:
    for name in REASONS:
        assert name.isalnum()
        assert name[0].isupper()
        assert len(name) <= 64


def test_whoever_must_act_is_told_what_to_do() -> None:
    for reason in REASONS.values():
        assert reason.meaning.endswith("."), reason.name
        assert bool(reason.fix) or reason.phase in ("Ready", "Loading", "Suspended", "Pending"), reason.name
        if reason.phase == "Failed":
            assert reason.fix.endswith("."), reason.name


def test_the_page_has_a_section_for_each_reason() -> None:
    page = render_markdown()
    for name, reason in REASONS.items():
        assert f"\n## {name}\n" in page
        assert reason.meaning in page
