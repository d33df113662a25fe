"""ServiceAccounts as callers: the tokens they get, and who a token says it is."""

from __future__ import annotations

import base64
from datetime import timedelta

from jx.adapters.local.kubernetes.access.pki import ADMIN, BadToken, Pki
from jx.adapters.local.kubernetes.calls.requests import MASTERS, Request, User
from jx.adapters.local.kubernetes.errors import not_found
from jx.adapters.local.kubernetes.store import Change, Stored
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.writes.metadata import invalid_of, timestamp
from jx.adapters.local.kubernetes.writes.verbs import Verbs

ISSUER = "https://kubernetes.default.svc.cluster.local"
AUTHENTICATED = "system:authenticated"

_ACCOUNTS = ("", "serviceaccounts")
_SECRETS = ("", "secrets")
_TOKEN_SECRET = "kubernetes.io/service-account-token"
_NAME = "kubernetes.io/service-account.name"
_UID = "kubernetes.io/service-account.uid"
_DEFAULT_SECONDS = 3600
_SHORTEST_SECONDS = 600
_UNTIL_END = "untilEnd"
_ENDED = ("Succeeded", "Failed")
_BOUND_KINDS = {"Pod": ("", "pods"), "Secret": ("", "secrets"), "Node": ("", "nodes")}


class Accounts:
    """Mints and reads tokens; as a reactor it fills Secrets of the token type."""

    def __init__(self, verbs: Verbs, pki: Pki) -> None:
        self._verbs = verbs
        self._pki = pki
        self._claims: dict[str, Obj] = {}

    def token_for(self, namespace: str, name: str) -> str:
        """A token without an end, good as long as the ServiceAccount lives."""
        return self._pki.sign_token(self._claims_for(self._account(namespace, name), namespace, name))

    def token_for_run(self, pod: Obj) -> str:
        """A token of one pod alone: good while that pod is there and has not ended."""
        namespace, name = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName") or "default"
        claims = self._claims_for(self._account(namespace, name), namespace, name)
        bound = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
        claims["kubernetes.io"] |= {"pod": bound, _UNTIL_END: True}
        return self._pki.sign_token(claims)

    def request_token(self, namespace: str, name: str, review: Obj) -> Obj:
        """The answered TokenRequest."""
        spec = review.get("spec") or {}
        seconds = int(spec.get("expirationSeconds") or _DEFAULT_SECONDS)
        if seconds < _SHORTEST_SECONDS:
            detail = "may not specify a duration less than 10 minutes"
            mistake = invalid.invalid("spec.expirationSeconds", seconds, detail)
            raise invalid_of("TokenRequest", "authentication.k8s.io", "", [mistake])
        now = self._verbs.time()
        end = now + timedelta(seconds=seconds)
        claims = self._claims_for(self._account(namespace, name), namespace, name)
        audiences = spec.get("audiences") or [ISSUER]
        claims |= {"aud": audiences, "iat": int(now.timestamp()), "exp": int(end.timestamp())}
        if bound := spec.get("boundObjectRef"):
            claims["kubernetes.io"][bound["kind"].lower()] = self._bound(namespace, bound)
        status = {"token": self._pki.sign_token(claims), "expirationTimestamp": timestamp(end)}
        answered = {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": bound}
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": timestamp(now)},
            "spec": answered,
            "status": status,
        }

    def user_of(self, token: str) -> User | None:
        """The caller that a bearer token stands for; None for a bad, ended or orphaned one."""
        if token == self._pki.admin_token:
            return User(ADMIN, (MASTERS, AUTHENTICATED))
        claims = self._claims.get(token)
        if claims is None:
            try:
                claims = self._pki.claims_of(token)
            except BadToken:
                return None
            self._claims[token] = claims
        end = claims.get("exp")
        if end is not None and end < self._verbs.time().timestamp():
            self._claims.pop(token, None)
            return None
        return self._user_of(claims["kubernetes.io"])

    def react(self, change: Change) -> None:
        """Fill a new Secret of the token type with the token of the account that it names."""
        if change.collection != _SECRETS or change.type == "DELETED":
            return
        secret = change.new.obj
        name = (secret["metadata"].get("annotations") or {}).get(_NAME)
        if secret.get("type") != _TOKEN_SECRET or not name or "token" in (secret.get("data") or {}):
            return
        namespace = secret["metadata"]["namespace"]
        account = self._verbs.store.find(_ACCOUNTS, (namespace, name))
        if account is None:
            return
        parts = {
            "token": self.token_for(namespace, name),
            "ca.crt": self._pki.authority_pem,
            "namespace": namespace,
        }
        data = {key: base64.b64encode(value.encode()).decode() for key, value in parts.items()}
        served = self._verbs.registry.get(*_SECRETS)
        request = Request(served, namespace, secret["metadata"]["name"], manager="kube-controller-manager")
        uid = account.obj["metadata"]["uid"]

        def fill(live: Obj) -> Obj:
            annotations = {**live["metadata"]["annotations"], _UID: uid}
            return {**live, "metadata": {**live["metadata"], "annotations": annotations}, "data": data}

        self._verbs.rewrite(request, fill)

    def _account(self, namespace: str, name: str) -> Stored:
        with self._verbs.operation():
            found = self._verbs.store.find(_ACCOUNTS, (namespace, name))
        if found is None:
            raise not_found("", "serviceaccounts", name)
        return found

    def _claims_for(self, account: Stored, namespace: str, name: str) -> Obj:
        private = {
            "namespace": namespace,
            "serviceaccount": {"name": name, "uid": account.obj["metadata"]["uid"]},
        }
        return {"iss": ISSUER, "sub": f"system:serviceaccount:{namespace}:{name}", "kubernetes.io": private}

    def _bound(self, namespace: str, reference: Obj) -> Obj:
        collection = _BOUND_KINDS[reference["kind"]]
        key = ("" if reference["kind"] == "Node" else namespace, reference["name"])
        found = self._verbs.store.find(collection, key)
        if found is None:
            raise not_found(*collection, reference["name"])
        return {"name": reference["name"], "uid": found.obj["metadata"]["uid"]}

    def _user_of(self, private: Obj) -> User | None:
        namespace, account = private["namespace"], private["serviceaccount"]
        living = [(_ACCOUNTS, account)]
        living += [
            (_BOUND_KINDS[kind], private[kind.lower()])
            for kind in ("Pod", "Secret")
            if kind.lower() in private
        ]
        for collection, reference in living:
            found = self._verbs.store.find(collection, (namespace, reference["name"]))
            if found is None or found.obj["metadata"]["uid"] != reference["uid"]:
                return None
            phase = (found.obj.get("status") or {}).get("phase")
            if collection == _BOUND_KINDS["Pod"] and private.get(_UNTIL_END) and phase in _ENDED:
                return None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
        return User(f"system:serviceaccount:{namespace}:{account['name']}", groups, account["uid"])
