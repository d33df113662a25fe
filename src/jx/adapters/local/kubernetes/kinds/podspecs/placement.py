"""On which nodes a pod may run, and beside whom."""

from collections.abc import Iterator, Sequence
from typing import Final

from jx.adapters.local.kubernetes.kinds import object_rules
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_WEIGHTS: Final = range(1, 101)
_ACTIONS: Final = ("DoNotSchedule", "ScheduleAnyway")
_NODE_POLICIES: Final = ("Honor", "Ignore")
_NO_OPERATOR: Final = "not a valid selector operator"


def toleration_mistakes(tolerations: list[Obj], path: str) -> Iterator[FieldError]:
    """The taints that a pod bears."""
    for index, one in enumerate(tolerations):
        here, key, effect = f"{path}[{index}]", one.get("key") or "", one.get("effect") or ""
        operator, value = one.get("operator") or "", one.get("value") or ""
        yield from _key_mistakes(key, f"{here}.key") if key else ()
        if not key and operator != "Exists":
            detail = (
                'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            )
            yield invalid.invalid(f"{here}.operator", operator, detail)
        if one.get("tolerationSeconds") is not None and effect != "NoExecute":
            detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            yield invalid.invalid(f"{here}.effect", effect, detail)
        yield from _operator_mistakes(operator, value, f"{here}.operator")
        if effect and effect not in _EFFECTS:
            yield invalid.unsupported(f"{here}.effect", effect, _EFFECTS)


def _operator_mistakes(operator: str, value: str, path: str) -> Iterator[FieldError]:
    match operator:
        case "" | "Equal":
            problems = names.label_value_problems(value)
            if problems:
                yield invalid.invalid(path, value, ";".join(problems))
        case "Exists":
            if value:
                yield invalid.invalid(path, value, "value must be empty when `operator` is 'Exists'")
        case "Lt" | "Gt":
            yield invalid.unsupported(path, operator, ("Equal", "Exists", "Lt", "Gt"))
        case _:
            yield invalid.unsupported(path, operator, ("Equal", "Exists"))


def affinity_mistakes(affinity: Obj | None, path: str) -> Iterator[FieldError]:
    """Which nodes and neighbours a pod wants."""
    affinity = affinity or {}
    nodes = affinity.get("nodeAffinity")
    if nodes is not None:
        yield from _node_affinity_mistakes(nodes, f"{path}.nodeAffinity")
    for key in ("podAffinity", "podAntiAffinity"):
        own, here = affinity.get(key) or {}, f"{path}.{key}"
        for index, term in enumerate(own.get(_REQUIRED) or ()):
            yield from _neighbour_mistakes(term, f"{here}.{_REQUIRED}[{index}]")
        for index, weighted in enumerate(own.get(_PREFERRED) or ()):
            where = f"{here}.{_PREFERRED}[{index}]"
            yield from _weight_mistakes(weighted, where)
            yield from _neighbour_mistakes(weighted.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm")


def _node_affinity_mistakes(nodes: Obj, path: str) -> Iterator[FieldError]:
    required = nodes.get(_REQUIRED)
    if required is not None:
        here, terms = f"{path}.{_REQUIRED}.nodeSelectorTerms", required.get("nodeSelectorTerms") or ()
        if not terms:
            yield invalid.required(here, "must have at least one node selector term")
        for index, term in enumerate(terms):
            yield from _node_term_mistakes(term, f"{here}[{index}]", checks_values=True)
    for index, weighted in enumerate(nodes.get(_PREFERRED) or ()):
        where = f"{path}.{_PREFERRED}[{index}]"
        yield from _weight_mistakes(weighted, where)
        term = weighted.get("preference") or {}
        yield from _node_term_mistakes(term, f"{where}.preference", checks_values=False)


def _weight_mistakes(weighted: Obj, path: str) -> Iterator[FieldError]:
    weight = weighted.get("weight") or 0
    if weight not in _WEIGHTS:
        yield invalid.invalid(f"{path}.weight", weight, "must be in the range 1-100")


def _node_term_mistakes(term: Obj, path: str, *, checks_values: bool) -> Iterator[FieldError]:
    for index, one in enumerate(term.get("matchExpressions") or ()):
        here, values = f"{path}.matchExpressions[{index}]", one.get("values") or ()
        yield from _values_mistakes(one.get("operator") or "", values, here)
        yield from _key_mistakes(one.get("key") or "", f"{here}.key")
        for at, value in enumerate(values) if checks_values else ():
            for problem in names.label_value_problems(value):
                yield invalid.invalid(f"{here}.values[{at}]", value, problem)
    for index, one in enumerate(term.get("matchFields") or ()):
        here, values = f"{path}.matchFields[{index}]", one.get("values") or ()
        if one.get("operator") not in ("In", "NotIn"):
            yield invalid.invalid(f"{here}.operator", one.get("operator") or "", _NO_OPERATOR)
        elif len(values) != 1:
            detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            yield invalid.required(f"{here}.values", detail)
        if one.get("key") != "metadata.name":
            yield invalid.invalid(f"{here}.key", one.get("key") or "", "not a valid field selector key")
            continue
        for at, value in enumerate(values):
            for problem in names.subdomain_problems(value):
                yield invalid.invalid(f"{here}.values[{at}]", value, problem)


def _values_mistakes(operator: str, values: Sequence[str], path: str) -> Iterator[FieldError]:
    match operator:
        case "In" | "NotIn":
            if not values:
                detail = "must be specified when `operator` is 'In' or 'NotIn'"
                yield invalid.required(f"{path}.values", detail)
        case "Exists" | "DoesNotExist":
            if values:
                detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                yield invalid.forbidden(f"{path}.values", detail)
        case "Gt" | "Lt":
            if len(values) != 1:
                detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                yield invalid.required(f"{path}.values", detail)
        case _:
            yield invalid.invalid(f"{path}.operator", operator, _NO_OPERATOR)


def _neighbour_mistakes(term: Obj, path: str) -> Iterator[FieldError]:
    for key in ("labelSelector", "namespaceSelector"):
        yield from object_rules.selector_mistakes(term.get(key), f"{path}.{key}")
    for name in term.get("namespaces") or ():
        for problem in names.label_problems(name):
            yield invalid.invalid(f"{path}.namespace", name, problem)
    yield from _label_key_mistakes(term, path)
    topology = term.get("topologyKey") or ""
    if not topology:
        yield invalid.required(f"{path}.topologyKey", "can not be empty")
    yield from _key_mistakes(topology, f"{path}.topologyKey")


def _key_mistakes(key: str, path: str) -> Iterator[FieldError]:
    for problem in names.label_key_problems(key):
        yield invalid.invalid(path, key, problem)


def _label_key_mistakes(term: Obj, path: str) -> Iterator[FieldError]:
    selector = term.get("labelSelector")
    wanted, unwanted = term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or []
    for key, named in (("matchLabelKeys", wanted), ("mismatchLabelKeys", unwanted)):
        if named and selector is None:
            detail = "must not be specified when labelSelector is not set"
            yield invalid.forbidden(f"{path}.{key}", detail)
        else:
            for index, one in enumerate(named):
                yield from _key_mistakes(one, f"{path}.{key}[{index}]")
    seen = {*((selector or {}).get("matchLabels") or ())}
    for expression in (selector or {}).get("matchExpressions") or ():
        label = expression.get("key") or ""
        if label in wanted and label in seen:
            at = len(wanted) - 1 - wanted[::-1].index(label)
            yield invalid.invalid(f"{path}[{at}]", label, "exists in both matchLabelKeys and labelSelector")
        seen.add(label)
    for index, label in enumerate(wanted):
        if label in unwanted:
            detail = "exists in both matchLabelKeys and mismatchLabelKeys"
            yield invalid.invalid(f"{path}.matchLabelKeys[{index}]", label, detail)


def spread_mistakes(constraints: list[Obj], path: str) -> Iterator[FieldError]:
    """How evenly pods are spread."""
    for index, one in enumerate(constraints):
        here, action = f"{path}[{index}]", one.get("whenUnsatisfiable") or ""
        if (one.get("maxSkew") or 0) <= 0:
            yield invalid.invalid(f"{here}.maxSkew", one.get("maxSkew") or 0, "must be greater than zero")
        if not one.get("topologyKey"):
            yield invalid.required(f"{here}.topologyKey", "can not be empty")
        if action not in _ACTIONS:
            yield invalid.unsupported(f"{here}.whenUnsatisfiable", action, _ACTIONS)
        same = (one.get("topologyKey"), action)
        if any((o.get("topologyKey"), o.get("whenUnsatisfiable")) == same for o in constraints[index + 1 :]):
            shown = f"{{{one.get('topologyKey') or ''}, {action}}}"
            yield invalid.duplicate(f"{here}.{{topologyKey, whenUnsatisfiable}}", shown)
        yield from _domain_mistakes(one.get("minDomains"), action, f"{here}.minDomains")
        for key in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if one.get(key) is not None and one[key] not in _NODE_POLICIES:
                yield invalid.unsupported(f"{here}.{key}", one[key], _NODE_POLICIES)
        yield from _label_key_mistakes(one, here)
        yield from object_rules.selector_mistakes(one.get("labelSelector"), f"{here}.labelSelector")


def _domain_mistakes(least: int | None, action: str, path: str) -> Iterator[FieldError]:
    if least is None:
        return
    if least <= 0:
        yield invalid.invalid(path, least, "must be greater than zero")
    if action != "DoNotSchedule":
        detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        yield invalid.invalid(path, least, detail)


def gate_mistakes(gates: list[Obj], path: str) -> Iterator[FieldError]:
    """What a pod waits for before it is given a node."""
    taken: set[str] = set()
    for index, gate in enumerate(gates):
        name = gate.get("name") or ""
        yield from _key_mistakes(name, f"{path}[{index}]")
        if name in taken:
            yield invalid.duplicate(f"{path}[{index}]", name)
        taken.add(name)


def condition_type_mistakes(gates: list[Obj], path: str) -> Iterator[FieldError]:
    """The conditions that a pod's readiness needs."""
    for index, gate in enumerate(gates):
        yield from _key_mistakes(gate.get("conditionType") or "", f"{path}[{index}].conditionType")
