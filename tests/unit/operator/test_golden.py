"""What the examples turn into is what was reviewed: `make golden` writes it anew."""

import golden


def test_the_goldens_are_what_the_examples_turn_into() -> None:
    assert golden.stale(golden.goldens()) == []


def test_every_folder_of_examples_with_a_service_has_one() -> None:
    folders = {path.name for path in golden.EXAMPLES.iterdir() if path.is_dir()}
    # Of tenants alone nothing is made.
    assert {path.parent.name for path in golden.goldens()} == folders - {"04-tiers"}
