"""Where botocore would ask at the terminal, which is ours: MFA codes of assumed roles, and what programs ask."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from tui.domain.errors import AppError, Cause
from tui.domain.text import safe_line


class CliCache:
    """Credentials of assumed roles that the AWS CLI has kept, and those of this session, which stay in memory.

    What botocore wants of a cache. So whoever has given the CLI an MFA code need not give it again.
    """

    def __init__(self, folder: Path | None = None) -> None:
        from botocore.utils import JSONFileCache

        self._kept: Any = JSONFileCache(str(folder or Path.home() / ".aws" / "cli" / "cache"))
        self._own: dict[str, Any] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._own or key in self._kept

    def __getitem__(self, key: str) -> Any:
        return self._own[key] if key in self._own else self._kept[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._own[key] = value


def never_ask(session: Any) -> None:
    """Let the botocore `session` of a profile with MFA fail with what to do instead of waiting for keys typed, and
    run a credential_process without the terminal, so that one that asks there fails and says so.

    Raises what botocore raises for its files.
    """
    import subprocess

    from botocore.exceptions import UnknownCredentialError

    profile = safe_line(session.profile or "", 40)

    def refuse(_: str) -> NoReturn:
        flag = f" --profile {profile}" if profile else ""
        raise AppError(
            Cause.EXPIRED,
            "This profile wants an MFA code",
            "",
            f"Run `aws sts get-caller-identity{flag}` and give the code there; the app goes on by itself",
            retryable=True,
        )

    # botocore has no public way to set the two private ones.
    resolver = session.get_component("credential_provider")
    with suppress(UnknownCredentialError):
        roles = resolver.get_provider("assume-role")
        roles.cache, roles._prompter = CliCache(), refuse
    with suppress(UnknownCredentialError):
        program = resolver.get_provider("custom-process")
        program._popen = partial(subprocess.Popen, stdin=subprocess.DEVNULL, start_new_session=True)
