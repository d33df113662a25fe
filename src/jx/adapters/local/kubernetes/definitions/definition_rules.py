"""What a CustomResourceDefinition must be, in the real server's words: names, versions, columns, subresources, conversion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from jx.adapters.local.kubernetes.definitions import definition_forms, definition_schemas, schema_paths
from jx.adapters.local.kubernetes.definitions.definition_forms import Form
from jx.adapters.local.kubernetes.kinds import admission_rules
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import formats, invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

_COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS: Final = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_REVIEWS: Final = ("v1", "v1beta1")
_APPROVED: Final = "api-approved.kubernetes.io"
_SELECTABLE: Final = ("string", "boolean", "integer")
_MOST_SELECTABLE: Final = 8
_LONGEST_WARNING: Final = 256


def mistakes(new: Obj, old: Obj | None) -> list[FieldError]:
    """All mistakes of a definition that is made, or changed outside of its status."""
    form = definition_forms.form_of(new.get("spec") or {})
    found = list(_name_mistakes(new)) if old is None else []
    found += _spec_mistakes(form)
    if old is not None:
        found += _changes(new["spec"], old)
    status: Obj = new.get("status") or {}
    found += _names_mistakes(status.get("acceptedNames") or {}, "status.acceptedNames")
    found += _stored_mistakes(status.get("storedVersions"), form.versions)
    return [*found, *_approval_mistakes(new, old), *_preserving_mistakes(form.spec)]


def status_mistakes(new: Obj) -> list[FieldError]:
    """The mistakes of a status that is written."""
    names_now = (new.get("status") or {}).get("acceptedNames") or {}
    return list(_names_mistakes(names_now, "status.acceptedNames"))


def unknown_formats(definition: Obj) -> list[str]:
    """The formats of a definition's schemas that nobody checks, each as often as it stands there."""
    form = definition_forms.form_of(definition.get("spec") or {})
    schemas = [form.shared.get("schema"), *(version.get("schema") for version in form.versions)]
    return [
        part["format"]
        for schema in schemas
        for part in definition_forms.schema_parts((schema or {}).get("openAPIV3Schema") or {})
        if part.get("format") and not formats.is_known(part["format"], part.get("type") or "")
    ]


def _name_mistakes(new: Obj) -> Iterator[FieldError]:
    spec, name = new.get("spec") or {}, new["metadata"].get("name") or ""
    if name != f"{(spec.get('names') or {}).get('plural') or ''}.{spec.get('group') or ''}":
        yield invalid.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')


def _spec_mistakes(form: Form) -> Iterator[FieldError]:
    yield from _group_mistakes(form.spec.get("group") or "")
    yield from _chosen(form.spec.get("scope") or "", ("Cluster", "Namespaced"), "spec.scope")
    schema: Obj = form.shared.get("schema") or {}
    if schema.get("openAPIV3Schema") is None:
        for index, version in enumerate(form.versions):
            if (version.get("schema") or {}).get("openAPIV3Schema") is None:
                yield invalid.required(f"spec.versions[{index}].schema.openAPIV3Schema")
    yield from _versions_mistakes(form)
    given: Obj = form.spec.get("names") or {}
    for key in ("plural", "singular", "kind", "listKind"):
        if not given.get(key):
            yield invalid.required(f"spec.names.{key}")
    yield from _names_mistakes(given, "spec.names")
    has_status = any(
        (part.get("subresources") or {}).get("status") is not None for part in (form.shared, *form.versions)
    )
    yield from _part_mistakes(form.shared, "spec", "validation", has_status=has_status)
    yield from _conversion_mistakes(form.spec.get("conversion"))


def _group_mistakes(group: str) -> Iterator[FieldError]:
    if not group:
        yield invalid.required("spec.group")
    elif problems := names.subdomain_problems(group):
        yield invalid.invalid("spec.group", group, ",".join(problems))
    elif "." not in group:
        yield invalid.invalid("spec.group", group, "should be a domain with at least one dot")


def _chosen(value: str, supported: tuple[str, ...], path: str) -> Iterator[FieldError]:
    if not value:
        yield invalid.required(path)
    elif value not in supported:
        yield invalid.unsupported(path, value, supported)


def _versions_mistakes(form: Form) -> Iterator[FieldError]:
    shared = form.shared
    for index, version in enumerate(form.versions):
        here = f"spec.versions[{index}]"
        yield from _label_mistakes(version.get("name") or "", f"{here}.name")
        yield from _warning_mistakes(version, here)
        subresources = shared.get("subresources") or version.get("subresources") or {}
        has_status = subresources.get("status") is not None
        yield from _part_mistakes(version, here, "schema", has_status=has_status)
    listed = [version.get("name") for version in form.versions]
    stored = sum(bool(version.get("storage")) for version in form.versions)
    for is_wrong, detail in (
        (len(set(listed)) != len(listed), "must contain unique version names"),
        (stored != 1, "must have exactly one version marked as storage version"),
    ):
        if is_wrong:
            yield invalid.invalid("spec.versions", definition_forms.shown_versions(form), detail)
    if listed and listed[0]:
        yield from _label_mistakes(listed[0], "spec.version")


def _label_mistakes(label: str, path: str) -> Iterator[FieldError]:
    if problems := names.label_1035_problems(label):
        yield invalid.invalid(path, label, ",".join(problems))


def _warning_mistakes(version: Obj, here: str) -> Iterator[FieldError]:
    path, warning = f"{here}.deprecationWarning", version.get("deprecationWarning")
    if warning is None:
        return
    if not version.get("deprecated"):
        yield invalid.invalid(path, warning, "can only be set for deprecated versions")
        return
    if len(warning.encode()) > _LONGEST_WARNING:
        yield invalid.invalid(path, warning, f"must be <= {_LONGEST_WARNING} characters long")
    if not warning:
        yield invalid.invalid(path, warning, "must not be an empty string")
    odd = next((index for index, character in enumerate(warning) if not character.isprintable()), None)
    if odd is not None:
        at = len(warning[:odd].encode())
        detail = f"must only contain printable UTF-8 characters; non-printable character found at index {at}"
        yield invalid.invalid(path, warning, detail)


def _part_mistakes(part: Obj, here: str, schema_name: str, *, has_status: bool) -> Iterator[FieldError]:
    """The mistakes of what may stand in each version, or above all of them."""
    schema = (part.get("schema") or {}).get("openAPIV3Schema")
    if schema is not None:
        path = f"{here}.{schema_name}.openAPIV3Schema"
        yield from definition_schemas.mistakes(schema, path, has_status=has_status)
    yield from _scale_mistakes((part.get("subresources") or {}).get("scale"), f"{here}.subresources.scale")
    for index, column in enumerate(part.get("additionalPrinterColumns") or ()):
        yield from _column_mistakes(column, f"{here}.additionalPrinterColumns[{index}]")
    if part.get("selectableFields"):
        yield from _selectable_mistakes(part["selectableFields"], schema or {}, f"{here}.selectableFields")


def _names_mistakes(given: Obj, here: str) -> Iterator[FieldError]:
    for key in ("plural", "singular"):
        if given.get(key):
            yield from _label_mistakes(given[key], f"{here}.{key}")
    for key in ("kind", "listKind"):
        value = given.get(key) or ""
        if value and (problems := names.label_1035_problems(value.lower())):
            detail = f"may have mixed case, but should otherwise match: {','.join(problems)}"
            yield invalid.invalid(f"{here}.{key}", value, detail)
    for index, name in enumerate(given.get("shortNames") or ()):
        yield from _label_mistakes(name, f"{here}.shortNames[{index}]")
    if given.get("kind") and given["kind"] == given.get("listKind"):
        detail = "kind and listKind may not be the same"
        yield invalid.invalid(f"{here}.listKind", given["listKind"], detail)
    for index, name in enumerate(given.get("categories") or ()):
        yield from _label_mistakes(name, f"{here}.categories[{index}]")


def _column_mistakes(column: Obj, here: str) -> Iterator[FieldError]:
    if not column.get("name"):
        yield invalid.required(f"{here}.name")
    kind, form = column.get("type") or "", column.get("format") or ""
    known = f"must be one of {','.join(_COLUMN_TYPES)}"
    if not kind:
        yield invalid.required(f"{here}.type", known)
    elif kind not in _COLUMN_TYPES:
        yield invalid.invalid(f"{here}.type", kind, known)
    if form and form not in _COLUMN_FORMATS:
        yield invalid.invalid(f"{here}.format", form, f"must be one of {','.join(_COLUMN_FORMATS)}")
    if not column.get("jsonPath"):
        yield invalid.required(f"{here}.JSONPath")
    else:
        yield from _path_mistakes(column["jsonPath"], f"{here}.JSONPath")


def _path_mistakes(path: str, here: str) -> Iterator[FieldError]:
    if not path.startswith("."):
        yield invalid.invalid(here, path, "must be a simple json path starting with .")


def _scale_mistakes(scale: Obj | None, here: str) -> Iterator[FieldError]:
    if scale is None:
        return
    for key, roots in (
        ("specReplicasPath", (".spec",)),
        ("statusReplicasPath", (".status",)),
        ("labelSelectorPath", (".spec", ".status")),
    ):
        path = scale.get(key) or ""
        if not path:
            if len(roots) == 1:
                yield invalid.required(f"{here}.{key}")
        elif found := list(_path_mistakes(path, f"{here}.{key}")):
            yield from found
        elif not path.startswith(tuple(f"{root}." for root in roots)):
            below = roots[0] if len(roots) == 1 else f"either {' or '.join(roots)}"
            yield invalid.invalid(f"{here}.{key}", path, f"should be a json path under {below}")


def _selectable_mistakes(fields: list[Obj], schema: Obj, here: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, field in enumerate(fields):
        place, path = f"{here}[{index}].jsonPath", field.get("jsonPath") or ""
        if not path:
            yield invalid.required(place)
            continue
        try:
            found = schema_paths.field_at(schema, path, allow_arrays=False)
        except schema_paths.NoSuchField as error:
            yield invalid.invalid(place, path, f"is an invalid path: {error}")
            continue
        if path.split(".")[1] == "metadata":
            yield invalid.invalid(place, path, "must not point to fields in metadata")
        if found.get("type") not in _SELECTABLE:
            detail = (
                "must point to a field of type string, boolean or integer. Enum string fields and strings with"
                " formats are allowed."
            )
            yield invalid.invalid(place, path, detail)
        if path in seen:
            yield invalid.duplicate(place, path)
        seen.add(path)
    if len(seen) > _MOST_SELECTABLE:
        yield invalid.too_many(here, len(seen), _MOST_SELECTABLE)


def _conversion_mistakes(conversion: Obj | None) -> Iterator[FieldError]:
    if conversion is None:
        return
    here, strategy = "spec.conversion", conversion.get("strategy") or ""
    yield from _chosen(strategy, ("None", "Webhook"), f"{here}.strategy")
    webhook: Obj = conversion.get("webhook") or {}
    client, reviews = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    if strategy != "Webhook":
        detail = "should not be set when strategy is not set to Webhook"
        if client is not None:
            yield invalid.forbidden(f"{here}.webhookClientConfig", detail)
        if reviews:
            yield invalid.forbidden(f"{here}.conversionReviewVersions", detail)
        return
    if client is None:
        yield invalid.required(f"{here}.webhookClientConfig", "required when strategy is set to Webhook")
    else:
        yield from admission_rules.client_mistakes(_swapped(client), f"{here}.webhookClientConfig")
    yield from _review_mistakes(reviews, f"{here}.conversionReviewVersions")


def _swapped(client: Obj) -> Obj:
    """The real server takes a Service's name for its namespace here, and the other way round."""
    service = client.get("service")
    if not service:
        return client
    return {
        **client,
        "service": {**service, "name": service.get("namespace"), "namespace": service.get("name")},
    }


def _review_mistakes(versions: list[str], here: str) -> Iterator[FieldError]:
    if not versions:
        yield invalid.required(here)
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            yield invalid.invalid(f"{here}[{index}]", version, "duplicate version")
        else:
            yield from _label_mistakes(version, f"{here}[{index}]")
    if not set(versions) & set(_REVIEWS):
        yield invalid.invalid(here, versions, f"must include at least one of {', '.join(_REVIEWS)}")


def _changes(spec: Obj, old: Obj) -> Iterator[FieldError]:
    before, given = old["spec"], spec.get("names") or {}
    conditions = (old.get("status") or {}).get("conditions") or ()
    if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
        if spec.get("scope") != before["scope"]:
            yield invalid.invalid("spec.scope", spec.get("scope"), invalid.IMMUTABLE)
        if given.get("kind") != before["names"]["kind"]:
            yield invalid.invalid("spec.names.kind", given.get("kind"), invalid.IMMUTABLE)
    if spec.get("group") != before["group"]:
        yield invalid.invalid("spec.group", spec.get("group"), invalid.IMMUTABLE)
    if given.get("plural") != before["names"]["plural"]:
        yield invalid.invalid("spec.names.plural", given.get("plural"), invalid.IMMUTABLE)


def _stored_mistakes(stored: list[str] | None, versions: tuple[Obj, ...]) -> Iterator[FieldError]:
    here = "status.storedVersions"
    if not stored:
        yield invalid.invalid(here, stored, "must have at least one stored version")
        return
    for version in versions:
        if version.get("storage") and version.get("name") not in stored:
            yield invalid.invalid(here, stored, f"must have the storage version {version.get('name')}")
    known = {version.get("name") for version in versions}
    for index, name in enumerate(stored):
        if name not in known:
            detail = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in"
                f" spec.versions until a storage migration ensures no data remains persisted in {name} and removes"
                f" {name} from status.storedVersions"
            )
            yield invalid.invalid(f"{here}[{index}]", name, detail)


def _approval_mistakes(new: Obj, old: Obj | None) -> Iterator[FieldError]:
    group = (new.get("spec") or {}).get("group") or ""
    if not f".{group}".endswith((".k8s.io", ".kubernetes.io")):
        return
    found = (new["metadata"].get("annotations") or {}).get(_APPROVED) or ""
    if old is not None and _approval(old) == _approval(new):
        return
    stated = f'protected groups must have approval annotation "{_APPROVED}"'
    more = "see https://github.com/kubernetes/enhancements/pull/1111"
    match _approval(new):
        case "missing":
            yield invalid.required(f"metadata.annotations[{_APPROVED}]", f"{stated}, {more}")
        case "invalid":
            detail = f'{stated} with either a URL or a reason starting with "unapproved", {more}'
            yield invalid.invalid(f"metadata.annotations[{_APPROVED}]", found, detail)
        case _:
            return


def _approval(definition: Obj) -> str:
    found = (definition["metadata"].get("annotations") or {}).get(_APPROVED) or ""
    if not found:
        return "missing"
    if found.startswith("unapproved"):
        return "bypassed"
    parts = urlsplit(found)
    return "approved" if parts.scheme and parts.netloc else "invalid"


def _preserving_mistakes(spec: Obj) -> Iterator[FieldError]:
    if spec.get("preserveUnknownFields"):
        detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        yield invalid.invalid("spec.preserveUnknownFields", spec["preserveUnknownFields"], detail)
