"""Where botocore would ask at the terminal, which is ours: MFA codes of assumed roles."""

from __future__ import annotations

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
    """Let the botocore `session` of a profile with MFA fail with what to do instead of waiting for keys typed.

    Raises what botocore raises for its files.
    """
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

    try:
        provider = session.get_component("credential_provider").get_provider("assume-role")
    except UnknownCredentialError:
        return
    provider.cache = CliCache()
    provider._prompter = refuse  # botocore has no public way to set it
