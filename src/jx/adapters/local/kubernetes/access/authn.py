"""Who calls: by client certificate, by bearer token, on behalf of somebody else, or nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from jx.adapters.local.kubernetes.access.accounts import AUTHENTICATED, Accounts
from jx.adapters.local.kubernetes.access.rbac import Action, Authorizer
from jx.adapters.local.kubernetes.calls.requests import ANONYMOUS, User
from jx.adapters.local.kubernetes.errors import ApiError
from jx.adapters.local.kubernetes.words import gotext

_IMPERSONATE = "impersonate-"
_EXTRA = "impersonate-extra-"
_ACCOUNT = "system:serviceaccount:"


def user_of_certificate(certificate: Mapping[str, Any] | None) -> User | None:
    """The user of a verified client certificate, as ssl's getpeercert gives it."""
    if not certificate:
        return None
    name, groups = "", []
    for part in certificate.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                name = value
            elif key == "organizationName":
                groups.append(value)
    return User(name, (*groups, AUTHENTICATED)) if name else None


def caller(
    headers: list[tuple[bytes, bytes]],
    certificate: Mapping[str, Any] | None,
    accounts: Accounts,
    authorizer: Authorizer,
) -> User:
    """The user that a request is made as; ApiError 401 for a bad token, 403 for a refused impersonation."""
    user = user_of_certificate(certificate)
    impersonated: list[tuple[str, str]] = []
    for raw, value in headers:
        if raw == b"authorization":
            user = _user_of_token(value.decode("latin-1"), accounts) or user
            if user is None:
                raise ApiError(401, "Unauthorized", "Unauthorized")
        elif raw.startswith(b"impersonate-"):
            impersonated.append((raw.decode("latin-1"), value.decode("latin-1")))
    user = user or ANONYMOUS
    return _impersonated(user, impersonated, authorizer) if impersonated else user


def _user_of_token(header: str, accounts: Accounts) -> User | None:
    scheme, _, token = header.partition(" ")
    return accounts.user_of(token.strip()) if scheme.lower() == "bearer" else None


def _impersonated(user: User, headers: list[tuple[str, str]], authorizer: Authorizer) -> User:
    single = dict(headers)
    name, uid = single.get("impersonate-user", ""), single.get("impersonate-uid", "")
    groups = [value for key, value in headers if key == "impersonate-group"]
    extra: dict[str, tuple[str, ...]] = {}
    for key, value in headers:
        if key.startswith(_EXTRA):
            field = unquote(key.removeprefix(_EXTRA))
            extra[field] = (*extra.get(field, ()), value)
    if not name:
        asked = _shown(uid, groups, extra)
        raise ApiError(400, "BadRequest", f"requested {asked} without impersonating a user name")
    _check_name(user, name, authorizer)
    for group in groups:
        authorizer.check(user, Action("impersonate", "", "groups", name=group))
    if uid:
        authorizer.check(user, Action("impersonate", "authentication.k8s.io", "uids", name=uid))
    for field, values in extra.items():
        for value in values:
            action = Action("impersonate", "authentication.k8s.io", "userextras", field, name=value)
            authorizer.check(user, action)
    if not groups and name.startswith(_ACCOUNT):
        namespace = name.split(":")[2]
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    if name != ANONYMOUS.name and AUTHENTICATED not in groups:
        groups.append(AUTHENTICATED)
    return User(name, tuple(groups), uid, extra)


def _check_name(user: User, name: str, authorizer: Authorizer) -> None:
    if name.startswith(_ACCOUNT) and name.count(":") == 3:
        _, _, namespace, account = name.split(":")
        action = Action("impersonate", "", "serviceaccounts", namespace=namespace, name=account)
    else:
        action = Action("impersonate", "", "users", name=name)
    authorizer.check(user, action)


def _shown(uid: str, groups: list[str], extra: Mapping[str, tuple[str, ...]]) -> str:
    """A user without a name, as Go prints it."""

    def listed(texts: Iterable[str]) -> str:
        return "[]string{" + ", ".join(gotext.quoted(text) for text in texts) + "}"

    shown_groups = listed(groups) if groups else "[]string(nil)"
    fields = ", ".join(f"{gotext.quoted(key)}:{listed(extra[key])}" for key in sorted(extra))
    shown_extra = f"map[string][]string{{{fields}}}" if extra else "map[string][]string(nil)"
    return (
        f'&user.DefaultInfo{{Name:"", UID:{gotext.quoted(uid)}, Groups:{shown_groups}, Extra:{shown_extra}}}'
    )
