"""Who is calling, where, and with which credentials."""

from __future__ import annotations

from datetime import datetime

from tui.domain.errors import AppError
from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """The session as it stands. `problem` says why AWS cannot be used now; local work goes on."""

    sandbox: bool = False
    region: str = ""
    profile: str = ""
    account: str = ""
    arn: str = ""
    credentials: str = ""
    expires: datetime | None = None
    endpoint: str = ""
    read_only: bool = False
    problem: AppError | None = None

    @property
    def known(self) -> bool:
        """Whether AWS has confirmed it."""
        return bool(self.account) and self.problem is None

    @property
    def partition(self) -> str:
        """aws, aws-cn or aws-us-gov."""
        return self.arn.split(":")[1] if self.arn.startswith("arn:") else "aws"
