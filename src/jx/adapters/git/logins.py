"""ports.git_logins.GitLogins: a credential helper in git's own settings of the user."""

from __future__ import annotations

from jx.adapters.git.process import Git


class GitVariableLogins:
    """Writes a helper that reads variables when git asks it."""

    def __init__(self) -> None:
        self._git = Git()

    def use_variables(self, url: str, *, user: str, token: str) -> None:
        helper = (
            f'!f() {{ test "$1" = get || exit 0; echo "username=${user}"; echo "password=${token}"; }}; f'
        )
        self._git.run("config", "--global", "--replace-all", f"credential.{url}.helper", helper)
