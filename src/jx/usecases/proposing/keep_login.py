"""Keep a login: put user name and password of a server into the store, with what they are for. A step of what refers to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from jx.domain.charts import logins
from jx.domain.charts.logins import Login
from jx.domain.errors import Refused
from jx.domain.events import Event
from jx.domain.objects.references import Scheme
from jx.ports.reporter import Reporter
from jx.usecases.secrets.edit_secret import EditSecret, EditSecretRequest


@dataclass(frozen=True, slots=True)
class NewLogin:
    """What a person gave."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeepLogin:
    """Writes to the store; git gets what this returns."""

    edit: EditSecret
    reporter: Reporter

    def __call__(self, environment: str, url: str, given: NewLogin) -> Login:
        """Where it is kept. Invalid for an address that no login is for; Refused where there is no store."""
        where = logins.parse_url(url)
        if Scheme.VAULT not in self.edit.stores:
            raise Refused(
                f"there is no store to keep the login for {where}, and it may not stand in git",
                hint="set VAULT_ADDR and VAULT_TOKEN, or install with --vault",
            )
        login = Login(where, logins.place(environment, where))
        values = logins.stored(where, given.username, given.password)
        self.reporter.tell(Event(f"the login for {where} is kept by the store, git gets {login.secret}"))
        self.edit(EditSecretRequest(login.secret.path, values=values, purpose=f"login for {where}"))
        return login
