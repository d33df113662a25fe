"""What names, label keys and values may look like, in the real server's words."""

import re
from typing import Final

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = _LABEL + r"(\." + _LABEL + ")*"
_LABEL_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = "(" + _QUALIFIED + ")?"
_CONFIG_KEY: Final = "[-._a-zA-Z0-9]+"

_LABEL_TEXT: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_SUBDOMAIN_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_LABEL_1035_TEXT: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_QUALIFIED_TEXT: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_VALUE_TEXT: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_WILDCARD: Final = r"\*\." + _SUBDOMAIN
_WILDCARD_TEXT: Final = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case"
    " alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)
_CONFIG_KEY_TEXT: Final = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"


def label_problems(value: str) -> list[str]:
    """What is wrong with a DNS label (namespaces, ports' names)."""
    problems = _too_long(value, 63)
    if re.fullmatch(_LABEL, value):
        return problems
    if re.fullmatch(_SUBDOMAIN, value):
        return [*problems, "must not contain dots"]
    return [*problems, _regex_problem(_LABEL_TEXT, _LABEL, ("my-name", "123-abc"))]


def subdomain_problems(value: str) -> list[str]:
    """What is wrong with a DNS subdomain (most objects' names)."""
    return _problems(value, 253, _SUBDOMAIN, _SUBDOMAIN_TEXT, ("example.com",))


def host_problems(value: str) -> list[str]:
    """What is wrong with a host's name, which may begin with `*.`."""
    if "*" in value:
        return _problems(value, 253, _WILDCARD, _WILDCARD_TEXT, ("*.example.com",))
    return subdomain_problems(value)


def label_1035_problems(value: str) -> list[str]:
    """What is wrong with a name that must start with a letter (Services)."""
    return _problems(value, 63, _LABEL_1035, _LABEL_1035_TEXT, ("my-name", "abc-123"))


def path_segment_problems(value: str) -> list[str]:
    """What is wrong with a name that only has to fit into a URL (RBAC)."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in value]


def label_key_problems(key: str) -> list[str]:
    """What is wrong with a label's or annotation's key: [prefix/]name."""
    parts = key.split("/")
    problems: list[str] = []
    if len(parts) > 2:
        return [
            "a valid label key "
            + _regex_problem(_QUALIFIED_TEXT, _QUALIFIED, ("MyName", "my.name", "123-abc"))
            + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    if len(parts) == 2:
        if not parts[0]:
            problems.append("prefix part must be non-empty")
        else:
            problems += ["prefix part " + problem for problem in subdomain_problems(parts[0])]
    name = parts[-1]
    if not name:
        problems.append("name part must be non-empty")
    elif len(name) > 63:
        problems.append("name part must be no more than 63 bytes")
    if not re.fullmatch(_QUALIFIED, name):
        problems.append(
            "name part " + _regex_problem(_QUALIFIED_TEXT, _QUALIFIED, ("MyName", "my.name", "123-abc"))
        )
    return problems


def label_value_problems(value: str) -> list[str]:
    """What is wrong with a label's value."""
    problems = ["must be no more than 63 bytes"] if len(value) > 63 else []
    if not re.fullmatch(_VALUE, value):
        problems.append(_regex_problem(_VALUE_TEXT, _VALUE, ("MyValue", "my_value", "12345")))
    return problems


def config_key_problems(key: str) -> list[str]:
    """What is wrong with a key of a ConfigMap or Secret."""
    problems = _too_long(key, 253)
    if not re.fullmatch(_CONFIG_KEY, key):
        problems.append(_regex_problem(_CONFIG_KEY_TEXT, _CONFIG_KEY, ("key.name", "KEY_NAME", "key-name")))
    elif key in (".", ".."):
        problems.append(f"must not be '{key}'")
    elif key.startswith(".."):
        problems.append("must not start with '..'")
    return problems


def _problems(value: str, limit: int, pattern: str, text: str, examples: tuple[str, ...]) -> list[str]:
    problems = _too_long(value, limit)
    if not re.fullmatch(pattern, value):
        problems.append(_regex_problem(text, pattern, examples))
    return problems


def _too_long(value: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} characters"] if len(value) > limit else []


def _regex_problem(text: str, pattern: str, examples: tuple[str, ...]) -> str:
    quoted = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {quoted}regex used for validation is '{pattern}')"
