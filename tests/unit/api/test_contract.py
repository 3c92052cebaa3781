"""Small promises of the contract: priorities, names, keys, and a folder that must stay no package."""

import re
from pathlib import Path
from typing import get_args

import pytest

from tidegate_api import names
from tidegate_api.keys import digest, new_key
from tidegate_api.v1alpha1 import LLMService, TenantKey

ROOT = Path(__file__).parents[3]


def test_the_folder_of_the_operator_is_no_package_which_would_hide_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_higher_wins_for_users_and_lower_wins_for_the_engine() -> None:
    ours = [names.PRIORITY_BY_CLASS[name] for name in ("high", "medium", "low")]
    engines = [names.engine_priority(priority) for priority in ours]
    assert ours == sorted(ours, reverse=True)
    assert engines == sorted(engines)


def test_every_class_has_a_priority() -> None:
    assert set(names.PRIORITY_BY_CLASS) == set(get_args(names.QosClass))


def test_a_key_is_recognised_by_its_prefix_and_never_made_twice() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"sk-[A-Za-z0-9_-]{43}", key) for key in keys)


def test_a_digest_is_what_a_tenant_takes() -> None:
    assert TenantKey(name="ci", sha256=digest(new_key())).not_after is None


def test_a_key_itself_is_no_digest() -> None:
    with pytest.raises(ValueError, match="sha256"):
        TenantKey(name="ci", sha256=new_key())


def test_pool_names_fit_where_a_name_of_the_greatest_length_is_used() -> None:
    """A ReplicaSet adds a dash and 10 characters, a Pod a dash and 5 more; labels end at 63."""
    assert len(names.pool_name("x" * 50, names.SHARED_POOL)) <= 63


def test_reading_a_service_refuses_what_is_no_field() -> None:
    with pytest.raises(ValueError, match="token"):
        LLMService.model_validate({"spec": {"model": {"uri": "pvc://a", "token": "x"}}})
