"""CustomResourceDefinitions as the server's rules see them: what all versions share stands once, above them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words.invalid import Struct

_SHARED: Final = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")

# The fields of a schema in the order and with the names that messages print them with, and what stands for none.
_SCHEMA: Final[tuple[tuple[str, str, Any], ...]] = (
    ("ID", "id", ""),
    ("Schema", "$schema", ""),
    ("Ref", "$ref", None),
    ("Description", "description", ""),
    ("Type", "type", ""),
    ("Nullable", "nullable", False),
    ("Format", "format", ""),
    ("Title", "title", ""),
    ("Default", "default", None),
    ("Maximum", "maximum", None),
    ("ExclusiveMaximum", "exclusiveMaximum", False),
    ("Minimum", "minimum", None),
    ("ExclusiveMinimum", "exclusiveMinimum", False),
    ("MaxLength", "maxLength", None),
    ("MinLength", "minLength", None),
    ("Pattern", "pattern", ""),
    ("MaxItems", "maxItems", None),
    ("MinItems", "minItems", None),
    ("UniqueItems", "uniqueItems", False),
    ("MultipleOf", "multipleOf", None),
    ("Enum", "enum", None),
    ("MaxProperties", "maxProperties", None),
    ("MinProperties", "minProperties", None),
    ("Required", "required", None),
    ("Items", "items", None),
    ("AllOf", "allOf", None),
    ("OneOf", "oneOf", None),
    ("AnyOf", "anyOf", None),
    ("Not", "not", None),
    ("Properties", "properties", None),
    ("AdditionalProperties", "additionalProperties", None),
    ("PatternProperties", "patternProperties", None),
    ("Dependencies", "dependencies", None),
    ("AdditionalItems", "additionalItems", None),
    ("Definitions", "definitions", None),
    ("ExternalDocs", "externalDocs", None),
    ("Example", "example", None),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", None),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", False),
    ("XIntOrString", "x-kubernetes-int-or-string", False),
    ("XListMapKeys", "x-kubernetes-list-map-keys", None),
    ("XListType", "x-kubernetes-list-type", None),
    ("XMapType", "x-kubernetes-map-type", None),
    ("XValidations", "x-kubernetes-validations", None),
)
_NAMES: Final[Mapping[str, str]] = {key: name for name, key, _ in _SCHEMA}
_RULE: Final[tuple[tuple[str, str, Any], ...]] = (
    ("Rule", "rule", ""),
    ("Message", "message", ""),
    ("MessageExpression", "messageExpression", ""),
    ("Reason", "reason", None),
    ("FieldPath", "fieldPath", ""),
    ("OptionalOldSelf", "optionalOldSelf", None),
)
_SCALE: Final[tuple[tuple[str, str, Any], ...]] = (
    ("SpecReplicasPath", "specReplicasPath", ""),
    ("StatusReplicasPath", "statusReplicasPath", ""),
    ("LabelSelectorPath", "labelSelectorPath", None),
)
_COLUMN: Final[tuple[tuple[str, str, Any], ...]] = (
    ("Name", "name", ""),
    ("Type", "type", ""),
    ("Format", "format", ""),
    ("Description", "description", ""),
    ("Priority", "priority", 0),
    ("JSONPath", "jsonPath", ""),
)


@dataclass(frozen=True)
class Form:
    """A specification; `versions` keep only what is their own, `shared` holds what all have alike."""

    spec: Obj
    versions: tuple[Obj, ...]
    shared: Obj


def form_of(spec: Obj) -> Form:
    """A definition's specification in this form."""
    versions = [version or {} for version in spec.get("versions") or ()]
    shared = {
        key: versions[0].get(key)
        for key in _SHARED
        if versions and all(_same(version.get(key), versions[0].get(key)) for version in versions)
    }
    own = tuple(
        {key: value for key, value in version.items() if key not in shared or value is None}
        for version in versions
    )
    return Form(spec, own, {key: value for key, value in shared.items() if value is not None})


def _same(one: Any, other: Any) -> bool:
    """Lists and maps that are empty are as good as none."""
    return bool(one == other) or (one in (None, []) and other in (None, []))


def schema_parts(node: Obj) -> Iterator[Obj]:
    """A schema and all schemas in it."""
    yield node
    for key in ("items", "not", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from schema_parts(node[key])
    for key in ("allOf", "anyOf", "oneOf"):
        for part in node.get(key) or ():
            yield from schema_parts(part)
    for part in (node.get("properties") or {}).values():
        yield from schema_parts(part)


def field_names(schema: Obj) -> list[str]:
    """The fields that a schema sets, by the names that messages have for them."""
    return [name for name, key, zero in _SCHEMA if schema.get(key) not in (zero, None, [], {}, False, "")]


def shown_versions(form: Form) -> list[Obj] | None:
    """Versions as messages print them."""
    if form.spec.get("versions") is None:
        return None
    return [
        Struct(
            {
                "Name": version.get("name", ""),
                "Served": version.get("served", False),
                "Storage": version.get("storage", False),
                "Deprecated": version.get("deprecated", False),
                "DeprecationWarning": version.get("deprecationWarning"),
                "Schema": _shown_validation(version.get("schema")),
                "Subresources": _shown_subresources(version.get("subresources")),
                "AdditionalPrinterColumns": _listed(version.get("additionalPrinterColumns"), _COLUMN),
                "SelectableFields": _listed(version.get("selectableFields"), (("JSONPath", "jsonPath", ""),)),
            }
        )
        for version in form.versions
    ]


def _shown_validation(schema: Obj | None) -> Obj | None:
    if schema is None:
        return None
    inner = schema.get("openAPIV3Schema")
    return Struct({"OpenAPIV3Schema": None if inner is None else shown_schema(inner)})


def _shown_subresources(subresources: Obj | None) -> Obj | None:
    if subresources is None:
        return None
    scale = subresources.get("scale")
    shown = None
    if scale is not None:
        shown = Struct({name: scale.get(key, zero) for name, key, zero in _SCALE})
    return Struct({"Status": {} if subresources.get("status") is not None else None, "Scale": shown})


def _listed(items: list[Obj] | None, fields: tuple[tuple[str, str, Any], ...]) -> list[Obj] | None:
    if not items:
        return None
    return [Struct({name: item.get(key, zero) for name, key, zero in fields}) for item in items]


def shown_rule(rule: Obj) -> Obj:
    """A validation rule as messages print it."""
    return Struct({name: rule.get(key, zero) for name, key, zero in _RULE})


def shown_schema(node: Obj) -> Obj:
    """A schema as messages print it."""
    return Struct({name: _shown_field(key, node.get(key, zero)) for name, key, zero in _SCHEMA})


def _shown_field(key: str, value: Any) -> Any:
    shown = _SHOWN.get(key)
    return value if value is None or shown is None else shown(value)


def _shown_all(parts: list[Obj]) -> list[Obj] | None:
    return [shown_schema(part) for part in parts] or None


def _shown_named(parts: Obj) -> Obj | None:
    return {name: shown_schema(part) for name, part in parts.items()} or None


def _shown_or_flag(value: Any) -> Obj:
    if isinstance(value, bool):
        return Struct(Allows=value, Schema=None)
    return Struct(Allows=True, Schema=shown_schema(value))


_SHOWN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "items": lambda value: Struct(Schema=shown_schema(value), JSONSchemas=None),
    "not": shown_schema,
    "allOf": _shown_all,
    "oneOf": _shown_all,
    "anyOf": _shown_all,
    "properties": _shown_named,
    "definitions": _shown_named,
    "patternProperties": _shown_named,
    "additionalProperties": _shown_or_flag,
    "additionalItems": _shown_or_flag,
    "x-kubernetes-validations": lambda rules: [shown_rule(rule) for rule in rules] or None,
}
