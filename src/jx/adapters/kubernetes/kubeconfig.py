"""Kubeconfigs: files to a `ClusterAccess`, merged as kubectl merges them.

The first file that names a cluster, user or context wins, and so does the first `current-context`. Relative paths are relative
to the file that holds them.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from jx.adapters.kubernetes.access import (
    Anonymous,
    Auth,
    BearerToken,
    ClientCertificate,
    ClusterAccess,
    ExecPlugin,
    TokenFile,
)
from jx.domain.errors import Invalid, NotFound, Problem, Refused

SERVICE_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"
EXEC_VERSIONS = frozenset({"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"})

_Entry = Mapping[str, Any]


class _TextLoader(yaml.CSafeLoader):
    """YAML whose scalars stay texts, but for null: no context may turn into `true` because it is called `on`."""

    yaml_implicit_resolvers = {}


_TextLoader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"(~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)


@dataclass(frozen=True, slots=True)
class _Named:
    """One cluster, user or context, and the file it came from."""

    name: str
    file: Path
    content: _Entry

    def text(self, key: str) -> str:
        """A scalar as text; empty where it is missing or null."""
        value = self.content.get(key)
        return value if isinstance(value, str) else ""

    def is_true(self, key: str) -> bool:
        return self.text(key).lower() == "true"

    def path(self, key: str) -> Path | None:
        text = self.text(key)
        return self.file.parent / text if text else None

    def pem(self, key: str) -> str:
        """The PEM text under `<key>-data` (base64) or in the file that `<key>` names; empty where there is neither."""
        inline = self.text(f"{key}-data")
        if inline:
            return _decode(inline, f"{key}-data", self)
        path = self.path(key)
        if path is None:
            return ""
        try:
            return path.read_text()
        except OSError as error:
            raise Invalid(
                f"the kubeconfig names a file that cannot be read: {error.strerror}",
                Problem(str(self.file), f"{key} of {self.name!r}: {path}"),
            ) from error


@dataclass(frozen=True, slots=True)
class _Merged:
    clusters: dict[str, _Named]
    users: dict[str, _Named]
    contexts: dict[str, _Named]
    current: str
    files: tuple[Path, ...]


def load(paths: Iterable[Path | str], *, context: str = "") -> ClusterAccess:
    """The access that a context (default: the current one) of these kubeconfigs describes. Files that are not there are passed
    over. NotFound where none is there or there is no such context; Invalid for a broken file; Refused for what jx does not do."""
    merged = _merge([Path(path) for path in paths])
    name = context or merged.current
    if not name:
        raise NotFound(
            f"no context is chosen in {_listed(merged.files)}",
            hint=f"name one with --context; there are: {_names(merged.contexts)}",
        )
    if name not in merged.contexts:
        raise NotFound(
            f"there is no context {name!r} in {_listed(merged.files)}",
            hint=f"there are: {_names(merged.contexts)}",
        )
    chosen = merged.contexts[name]
    cluster = _referenced(chosen, "cluster", merged.clusters)
    user = _referenced(chosen, "user", merged.users) if chosen.text("user") else None
    return ClusterAccess(
        server=_server(cluster),
        auth=_auth(user) if user else Anonymous(),
        ca=cluster.pem("certificate-authority"),
        namespace=chosen.text("namespace") or "default",
        context_name=name,
        user_name=user.name if user else "",
        tls_server_name=cluster.text("tls-server-name"),
        is_insecure=cluster.is_true("insecure-skip-tls-verify"),
        impersonation=_impersonation(user) if user else (),
    )


def in_cluster(env: Mapping[str, str]) -> ClusterAccess:
    """The access of a pod's own account: server from KUBERNETES_SERVICE_HOST and _PORT, token, CA and namespace from the folder
    JX_SERVICE_ACCOUNT_DIR (or where Kubernetes mounts it). NotFound outside of a cluster."""
    host, port = env.get("KUBERNETES_SERVICE_HOST", ""), env.get("KUBERNETES_SERVICE_PORT", "443")
    folder = Path(env.get("JX_SERVICE_ACCOUNT_DIR") or SERVICE_ACCOUNT_DIR)
    token = folder / "token"
    if not host or not token.is_file():
        raise NotFound(
            "this process has no account of a cluster",
            hint="outside of a pod, give a kubeconfig with KUBECONFIG or --kubeconfig",
        )
    return ClusterAccess(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        auth=TokenFile(str(token)),
        ca=_read_optional(folder / "ca.crt"),
        namespace=_read_optional(folder / "namespace").strip() or "default",
        context_name="in-cluster",
        user_name="service account",
    )


def contexts(paths: Iterable[Path | str]) -> tuple[tuple[str, ...], str]:
    """The names of all contexts, and the current one (empty where none is chosen)."""
    merged = _merge([Path(path) for path in paths])
    return tuple(sorted(merged.contexts)), merged.current


def _merge(paths: list[Path]) -> _Merged:
    files = tuple(path for path in paths if path.is_file())
    if not files:
        raise NotFound(
            f"there is no kubeconfig at {_listed(tuple(paths))}",
            hint="name one with KUBECONFIG or --kubeconfig, or make one with `jx local kubeconfig`",
        )
    merged = _Merged({}, {}, {}, "", files)
    current = ""
    for file in files:
        content = _parse(file)
        current = current or _Named("", file, content).text("current-context")
        for section, kind in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
            for entry in _entries(file, content, section, kind):
                getattr(merged, section).setdefault(entry.name, entry)
    return _Merged(merged.clusters, merged.users, merged.contexts, current, files)


def _parse(file: Path) -> _Entry:
    try:
        content = yaml.load(file.read_text(), Loader=_TextLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise Invalid(
            "the kubeconfig is not YAML", Problem(str(file), str(error.problem or "broken"), line)
        ) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Invalid(
            "the kubeconfig cannot be read",
            Problem(str(file), type(error).__name__),
            hint="see its permissions",
        ) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Invalid("this is no kubeconfig", Problem(str(file), "it is not a mapping"))
    return content


def _entries(file: Path, content: _Entry, section: str, kind: str) -> list[_Named]:
    found = []
    for item in content.get(section) or ():
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise Invalid(
                "the kubeconfig is broken", Problem(str(file), f"an entry of {section} has no name")
            )
        inner = item.get(kind) or {}
        if not isinstance(inner, dict):
            raise Invalid(
                "the kubeconfig is broken", Problem(str(file), f"{kind} {item['name']!r} is not a mapping")
            )
        found.append(_Named(item["name"], file, inner))
    return found


def _referenced(context: _Named, kind: str, known: dict[str, _Named]) -> _Named:
    name = context.text(kind)
    if name not in known:
        raise Invalid(
            f"context {context.name!r} names a {kind} that is not there",
            Problem(str(context.file), f"{kind} {name!r}; there are: {_names(known)}"),
        )
    return known[name]


def _server(cluster: _Named) -> str:
    url = cluster.text("server").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise Invalid(
            f"cluster {cluster.name!r} has no usable server",
            Problem(str(cluster.file), "server is to be a URL, https://host:port"),
        )
    if parts.username or parts.password:
        raise Refused(
            f"the server of cluster {cluster.name!r} holds a login", hint="put credentials under users"
        )
    if cluster.text("proxy-url"):
        raise Refused(
            f"cluster {cluster.name!r} is to be reached through a proxy (proxy-url), which jx does not do",
            hint="remove proxy-url and make the server reachable, by a tunnel for instance",
        )
    return url


def _auth(user: _Named) -> Auth:
    if user.text("username") or user.text("password"):
        raise Refused(
            f"user {user.name!r} has a user name and password, which Kubernetes no longer takes",
            hint="use a token, a client certificate or an exec plugin",
        )
    if user.content.get("auth-provider"):
        raise Refused(
            f"user {user.name!r} has an auth-provider, which kubectl no longer knows either",
            hint="let your cloud's tool write the kubeconfig again: it then names an exec plugin",
        )
    certificate, key = user.pem("client-certificate"), user.pem("client-key")
    if bool(certificate) != bool(key):
        raise Invalid(
            "the kubeconfig is broken",
            Problem(str(user.file), f"user {user.name!r} has only one of client-certificate and client-key"),
        )
    if certificate:
        return ClientCertificate(certificate, key)
    token_file = user.path("tokenFile")
    if token_file is not None:
        return TokenFile(str(token_file))
    if user.text("token"):
        return BearerToken(user.text("token"))
    plugin = user.content.get("exec")
    return _exec(user, plugin) if isinstance(plugin, dict) else Anonymous()


def _exec(user: _Named, plugin: _Entry) -> ExecPlugin:
    entry = _Named(user.name, user.file, plugin)
    version, command = entry.text("apiVersion"), entry.text("command")
    if version not in EXEC_VERSIONS:
        raise Refused(
            f"the exec plugin of user {user.name!r} speaks {version or 'no version'}",
            hint=f"known are {', '.join(sorted(EXEC_VERSIONS))}; renew the kubeconfig with your cloud's tool",
        )
    if not command:
        raise Invalid(
            "the kubeconfig is broken",
            Problem(str(user.file), f"the exec plugin of user {user.name!r} has no command"),
        )
    if os.sep in command and not os.path.isabs(command):
        command = str(user.file.parent / command)
    variables = [item for item in plugin.get("env") or () if isinstance(item, dict)]
    return ExecPlugin(
        api_version=version,
        argv=(command, *(str(argument) for argument in plugin.get("args") or ())),
        env={str(item.get("name", "")): str(item.get("value", "")) for item in variables},
        interactive_mode=entry.text("interactiveMode") or "IfAvailable",
        install_hint=entry.text("installHint"),
        provides_cluster_info=entry.is_true("provideClusterInfo"),
    )


def _impersonation(user: _Named) -> tuple[tuple[str, str], ...]:
    headers = [("Impersonate-User", user.text("as"))] if user.text("as") else []
    headers += [("Impersonate-Uid", user.text("as-uid"))] if user.text("as-uid") else []
    headers += [("Impersonate-Group", str(group)) for group in user.content.get("as-groups") or ()]
    for key, values in (user.content.get("as-user-extra") or {}).items():
        headers += [(f"Impersonate-Extra-{key}", str(value)) for value in values]
    return tuple(headers)


def _decode(text: str, key: str, entry: _Named) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Invalid(
            "the kubeconfig is broken",
            Problem(str(entry.file), f"{key} of {entry.name!r} is not the base64 of a text"),
        ) from None


def _read_optional(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error


def _names(known: Mapping[str, object]) -> str:
    return ", ".join(sorted(known)) or "none"


def _listed(files: tuple[Path, ...]) -> str:
    return ", ".join(str(file) for file in files) or "the given places"
