"""The generated files of the chart: the CRDs as templates, values.yaml and its schema.

Owns how a model of values becomes a commented file. Must not hold a value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from generators.text import COMMAND, comment, yaml_text
from tidegate_api.schema import PATTERN_MESSAGE
from tidegate_api.structural import structural
from tidegate_api.values import Values

# The oldest dialect that every Helm reads.
DRAFT = "http://json-schema.org/draft-07/schema#"
SOURCE = "crds/tidegate_api/values.py"
HEADER = f"# Made by `{COMMAND}` from {SOURCE}; do not edit.\n"


def crd_template(definition: Mapping[str, Any]) -> str:
    """Return a CRD as a template that `crds.enabled` and `crds.keep` control."""
    text = yaml_text(definition)
    if "{{" in text:
        raise ValueError(
            f"{definition['metadata']['name']}: a description holds '{{{{', which Helm would run"
        )
    head, _, rest = text.partition("metadata:\n")
    metadata = """metadata:
  labels:
    {{- include "tidegate.labels" . | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
"""
    return (
        f"{{{{- /* Made by `{COMMAND}` from crds/tidegate_api; do not edit. */ -}}}}\n"
        f"{{{{- if .Values.crds.enabled }}}}\n{head}{metadata}{rest}{{{{- end }}}}\n"
    )


def values_schema() -> str:
    """Return the JSON schema that Helm checks values against."""
    schema = {**named_maps(Values.model_json_schema(by_alias=True)), "$schema": DRAFT}
    return json.dumps(for_helm(schema), indent=2, ensure_ascii=False) + "\n"


def for_helm(node: Any) -> Any:
    """Return a schema without what only the API server understands, and without defaults: values.yaml has them."""
    if isinstance(node, list):
        return [for_helm(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"], "pattern": node["pattern"]}
    dropped = {"default", "title", PATTERN_MESSAGE}
    # A field may be called as a keyword is: below `properties` every name stays.
    return {
        key: {name: for_helm(child) for name, child in value.items()}
        if key == "properties"
        else for_helm(value)
        for key, value in node.items()
        if not (key in dropped or key.startswith("x-kubernetes"))
    }


def values_tree() -> dict[str, Any]:
    """Return the schema of the values with every definition in its place, for the reference page."""
    schema = without_null(named_maps(Values.model_json_schema(by_alias=True)))
    return structural(schema, schema["$defs"], ())


def named_maps(node: Any) -> Any:
    """Return a schema that refuses a key of a wrong form, where pydantic's would leave its value unchecked."""
    if isinstance(node, list):
        return [named_maps(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: named_maps(value) for key, value in node.items()}
    for pattern, value in inner.pop("patternProperties", {}).items():
        inner["additionalProperties"] = value
        inner["propertyNames"] = {"pattern": pattern, **inner.get("propertyNames", {})}
    return inner


def without_null(node: Any) -> Any:
    """Return a schema that says `T` where it said `T or null`, and nothing of the names of keys."""
    if isinstance(node, list):
        return [without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: without_null(value) for key, value in node.items() if key != "propertyNames"}
    choices = [one for one in inner.pop("anyOf", []) if one != {"type": "null"}]
    return {**choices[0], **inner} if choices else inner


def values_file() -> str:
    """Return values.yaml: every value with its description above it."""
    intro = "Values of the chart. The same as a table: docs/reference/values.md.\n"
    return HEADER + comment(intro) + "\n" + section(Values(), 0)


def section(model: BaseModel, indent: int) -> str:
    """Return the values of one model."""
    lines = []
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        key = field.alias or name
        lines.append(comment(field.description or "", indent) + " " * indent + entry(key, value, indent))
    return ("\n" if indent == 0 else "").join(lines)


def entry(key: str, value: Any, indent: int) -> str:
    """Return one value below its comment."""
    if isinstance(value, BaseModel):
        return f"{key}:\n{section(value, indent + 2)}"
    text = yaml_text({key: plain(value)}, sort=False)
    return text.replace("\n", "\n" + " " * indent).rstrip(" ")


def plain(value: Any) -> Any:
    """Return a value as YAML writes it; what a profile does not set is left out."""
    if isinstance(value, BaseModel):
        return {
            (field.alias or name): plain(getattr(value, name))
            for name, field in type(value).model_fields.items()
            if name in value.model_fields_set
        }
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
