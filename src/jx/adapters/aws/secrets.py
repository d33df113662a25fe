"""The secret store over AWS Secrets Manager: a secret's name is its path, its text a JSON object of keys and values.

A secret whose text is no JSON object has one key, `value`. Compare-and-swap is done by moving the label AWSCURRENT from the
version that was read to the new one, which the service refuses where it is elsewhere by then.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import botocore.config
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from jx.domain.errors import Failed, Forbidden, Invalid, JxError, Stale, Unavailable, about
from jx.domain.objects.references import check_path
from jx.ports.secrets import Listed, Secret

_THREADS = 8
_CURRENT = "AWSCURRENT"
_DRAFT = "jx-draft"
_NO_RIGHT = frozenset(
    {
        "AccessDeniedException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "ExpiredTokenException",
    }
)
_PASSING = frozenset({"ThrottlingException", "InternalServiceError", "RequestTimeout", "ServiceUnavailable"})
_MISSING = "ResourceNotFoundException"


class AwsSecrets:
    """Secrets of one account and region. `prefix` is put before each path, so that several platforms share an account."""

    def __init__(self, *, region: str = "", prefix: str = "", endpoint: str = "") -> None:
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._region = region
        config = botocore.config.Config(
            connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 3}
        )
        session = botocore.session.get_session()
        try:
            self._client: Any = session.create_client(
                "secretsmanager", region_name=region or None, endpoint_url=endpoint or None, config=config
            )
        except NoRegionError as error:
            raise Invalid(
                "no AWS region is named", hint="set secrets.aws.region in jx-requirements.yml, or AWS_REGION"
            ) from error

    depth = 0

    @property
    def name(self) -> str:
        """`AWS Secrets Manager in eu-west-1`."""
        return f"AWS Secrets Manager in {self._client.meta.region_name}"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def check(self) -> None:
        """Raises what reads would raise now."""
        self._call("list_secrets", "", MaxResults=1)

    def read(self, paths: tuple[str, ...], *, purpose: str = "") -> Mapping[str, Secret]:
        """The secrets at these paths, as far as they are there."""
        wanted = tuple(dict.fromkeys(paths))
        for path in wanted:
            check_path(path)
        if not wanted:
            return {}
        with ThreadPoolExecutor(min(_THREADS, len(wanted)), thread_name_prefix="aws") as pool:
            found = list(pool.map(self._read_one, wanted))
        return {one.path: one for one in found if one is not None}

    def write(self, path: str, values: Mapping[str, str], *, version: str = "", purpose: str = "") -> Secret:
        """Make these be all values of a path, if its version still is the one given."""
        check_path(path)
        text, token = json.dumps(dict(values)), str(uuid.uuid4())
        if not version:
            return self._create(path, values, text, token)
        name = self._prefix + path
        if (
            self._call(
                "put_secret_value",
                path,
                SecretId=name,
                SecretString=text,
                ClientRequestToken=token,
                VersionStages=[_DRAFT],
            )
            is None
        ):
            raise _stale(path)
        moved = {"MoveToVersionId": token, "RemoveFromVersionId": version}
        try:
            self._call("update_secret_version_stage", path, SecretId=name, VersionStage=_CURRENT, **moved)
        except Invalid as error:
            raise _stale(path) from error
        return Secret(path, dict(values), token, self._changed(path))

    def list_under(self, prefix: str = "") -> tuple[Listed, ...]:
        """Everything at and below a path."""
        at, found, more = self._prefix + prefix.strip("/"), [], ""
        while True:
            page = {"NextToken": more} if more else {}
            filters = [{"Key": "name", "Values": [at]}] if at else []
            answer = self._call("list_secrets", prefix, Filters=filters, **page) or {}
            found += [self._listed(one) for one in answer.get("SecretList") or ()]
            more = answer.get("NextToken") or ""
            if not more:
                break
        place = prefix.strip("/")
        below = [one for one in found if not place or one.path == place or one.path.startswith(f"{place}/")]
        return tuple(sorted(below, key=lambda one: one.path))

    def remove(self, path: str, *, purpose: str = "") -> bool:
        """Remove a path with all its versions, at once."""
        check_path(path)
        if self._read(path, tells_folders=False) is None:
            return False
        self._call("delete_secret", path, SecretId=self._prefix + path, ForceDeleteWithoutRecovery=True)
        return True

    def _read_one(self, path: str) -> Secret | None:
        with about(path):
            return self._read(path)

    def _read(self, path: str, *, tells_folders: bool = True) -> Secret | None:
        answer = self._call("get_secret_value", path, SecretId=self._prefix + path, VersionStage=_CURRENT)
        if answer is None:
            if tells_folders and self.list_under(path):
                raise Invalid(f"{path} of {self.name} is a folder, not a secret", hint="name a secret in it")
            return None
        return Secret(
            path, _values(answer.get("SecretString")), answer["VersionId"], answer.get("CreatedDate")
        )

    def _create(self, path: str, values: Mapping[str, str], text: str, token: str) -> Secret:
        made = self._call(
            "create_secret", path, Name=self._prefix + path, SecretString=text, ClientRequestToken=token
        )
        assert made is not None
        return Secret(path, dict(values), str(made["VersionId"]), self._changed(path))

    def _changed(self, path: str) -> datetime | None:
        described = self._call("describe_secret", path, SecretId=self._prefix + path) or {}
        found: datetime | None = described.get("LastChangedDate")
        return found

    def _listed(self, one: Mapping[str, Any]) -> Listed:
        stages: Mapping[str, list[str]] = one.get("SecretVersionsToStages") or {}
        current = next((version for version, labels in stages.items() if _CURRENT in labels), "")
        changed = one.get("LastChangedDate") or one.get("CreatedDate")
        return Listed(str(one["Name"]).removeprefix(self._prefix), current, changed)

    def _call(self, verb: str, path: str, **arguments: Any) -> dict[str, Any] | None:
        """An answer; None where the secret is not there."""
        try:
            answer: dict[str, Any] = getattr(self._client, verb)(**arguments)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code == _MISSING:
                return None
            raise self._error(code, verb, path) from error
        except NoCredentialsError as error:
            raise Forbidden(
                f"{self.name}: no credentials are found", hint="log in: aws sso login, or an account's role"
            ) from error
        except BotoCoreError as error:
            raise Unavailable(f"{self.name} cannot be reached ({type(error).__name__})") from error
        return answer

    def _error(self, code: str, verb: str, path: str) -> JxError:
        attempt = f"{verb} {path}".strip()
        if code == "ResourceExistsException":
            return _stale(path)
        if code in _NO_RIGHT:
            return Forbidden(
                f"{self.name} forbids {attempt} ({code})",
                hint="check the login, and its rights on secretsmanager",
            )
        if code in _PASSING:
            return Unavailable(f"{self.name} asks to be left alone for a while ({code})")
        if code in {"InvalidParameterException", "InvalidRequestException", "ValidationException"}:
            return Invalid(f"{self.name} refuses {attempt} ({code})")
        return Failed(f"{self.name} answered {code} to {attempt}")


def _values(text: str | None) -> dict[str, str]:
    try:
        parsed = json.loads(text or "")
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        return {"value": text or ""}
    return {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in parsed.items()}


def _stale(path: str) -> Stale:
    return Stale(f"{path} was changed by somebody else meanwhile")
