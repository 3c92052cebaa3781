"""The description of the API is whole, and of the table that is routed by."""

import inspect

from jsonschema import Draft202012Validator

from tidegate_console import openapi
from tidegate_console.api import Api
from tidegate_console.routes import BASE, ROUTES


def test_every_route_is_answered_by_a_handler_and_described() -> None:
    described = openapi.description("1")
    for route in ROUTES:
        assert inspect.iscoroutinefunction(getattr(Api, route.handler)), route.handler
        operation = described["paths"][BASE + route.path][route.method.lower()]
        assert operation["summary"] == route.summary
        assert ({} in operation["security"]) == (not route.needs_user)
        assert ("requestBody" in operation) == (route.body is not None)
    assert sum(len(one) for one in described["paths"].values()) == len(ROUTES)


def test_every_name_that_is_referred_to_is_there() -> None:
    described = openapi.description("1")
    names = set(described["components"]["schemas"])

    def references(node: object) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"].rpartition("/")[2]} if "$ref" in node else set()
            return own.union(*(references(one) for one in node.values()))
        return set().union(*(references(one) for one in node)) if isinstance(node, list) else set()

    assert references(described) <= names
    assert names <= references(described) | {"Pull", "SecretKey", "Applied", "NewKey"}
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
