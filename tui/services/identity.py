"""Who is calling: credentials, account and Region, as AWS sees them."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tui.domain.errors import AppError, Cause
from tui.domain.identity import Identity
from tui.domain.text import safe_line
from tui.services.aws import Aws

_METHODS = {
    "env": "environment",
    "shared-credentials-file": "credentials file",
    "config-file": "config file",
    "assume-role": "assumed role",
    "assume-role-with-web-identity": "web identity",
    "sso": "SSO",
    "iam-role": "instance role",
    "container-role": "container role",
    "custom-process": "credential process",
    "login": "aws login",
    "explicit": "sandbox keys",
}
_SHOWN_ENDPOINTS = ("bedrock", "bedrock-runtime", "s3", "sts", "iam")


class IdentityService:
    """Asks STS, and reads what the session itself tells."""

    def __init__(self, aws: Aws, *, profile: str | None, region: str | None) -> None:
        self._aws = aws
        self._profile = profile
        self._region = region
        self.confirmed = Identity()
        """As AWS last told it; without an account before it has."""

    def first(self) -> Identity:
        """What can be said before anything was asked."""
        return Identity(
            sandbox=self._aws.sandbox,
            region=self._region or "",
            profile=safe_line(self._profile or os.environ.get("AWS_PROFILE", ""), 40) if not self._aws.sandbox else "",
            read_only=self._aws.read_only,
        )

    async def look(self) -> Identity:
        """The identity as it is now; never raises, a failure stands in `problem`.

        Beside a problem stands the account that was last confirmed: orders and rows belong to it until AWS says
        otherwise.
        """
        was = self.confirmed
        try:
            known = await self._aws.pool.run(self._local)
        except AppError as problem:
            return replace(was if was.account else self.first(), problem=problem)
        try:
            await self._aws.pool.run(self._sign_in)
            who = await self._aws.call("sts", "get_caller_identity", need=("Account", "Arn"))
        except AppError as problem:
            return replace(known, account=was.account, arn=was.arn, problem=problem)
        account, arn = safe_line(str(who["Account"]), 40), safe_line(str(who["Arn"]), 200)
        self.confirmed = replace(known, account=account, arn=arn)
        return self.confirmed

    def _sign_in(self) -> None:
        """Have the credentials fetched or renewed, so that what fails in it is not taken for an answer of AWS."""
        with self._aws.mapping_errors("session"):
            try:
                credentials = self._aws.session().get_credentials()
                if credentials is not None:
                    credentials.get_frozen_credentials()
            except (ValueError, OSError) as error:  # a program that answers no JSON, a file that is not there
                raise self._unreadable(error) from error

    @staticmethod
    def _unreadable(error: Exception) -> AppError:
        return AppError(
            Cause.NO_CREDENTIALS,
            "The credentials cannot be read",
            safe_line(str(error), 200),
            "Check credential_process or web_identity_token_file in ~/.aws/config",
            retryable=True,
        )

    def _local(self) -> Identity:
        with self._aws.mapping_errors("session"):
            try:
                session = self._aws.session()
                credentials = session.get_credentials()
            except (ValueError, OSError) as error:
                raise self._unreadable(error) from error
            clients = [self._aws.client(service) for service in _SHOWN_ENDPOINTS]
        first = self.first()
        profile = first.profile
        if not self._aws.sandbox and not profile and session.profile_name != "default":
            profile = safe_line(session.profile_name, 40)
        return replace(
            first,
            profile=profile,
            region=str(clients[0].meta.region_name),
            credentials=_method(credentials, self._aws.sandbox),
            expires=_expiry(credentials),
            endpoint=""
            if self._aws.sandbox
            else next(filter(None, (_foreign_endpoint(c.meta.endpoint_url) for c in clients)), ""),
        )


def _method(credentials: Any, sandbox: bool) -> str:
    if not sandbox and os.environ.get("AWS_BEARER_TOKEN_BEDROCK"):
        return "Bedrock API key"
    method = str(getattr(credentials, "method", "") or "")
    return _METHODS.get(method, safe_line(method, 30))


def _expiry(credentials: Any) -> datetime | None:
    # botocore tells the expiry of refreshable credentials nowhere in public.
    found = getattr(credentials, "_expiry_time", None)
    return found if isinstance(found, datetime) else None


def _foreign_endpoint(url: str) -> str:
    """The host, when requests go elsewhere than to AWS; to be shown, since data and tokens go there."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")):
        return ""
    # Without the name and password that may stand before the host.
    return safe_line(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", 80)
