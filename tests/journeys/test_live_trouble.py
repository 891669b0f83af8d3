"""Live mode when AWS cannot be used: local work goes on, the cure is named, and once cured it goes on by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.harness import FAST, Walk, nobody
from tests.journeys.stage import sent, served, trained
from tui.domain.settings import Settings
from tui.sandbox.faults import FaultKind
from tui.screens import watching
from tui.screens.main import MainScreen
from tui.services.aws import Connection
from tui.services.session import Services, build

PAIRS = [{"q": f"What is lantern {n}?", "a": f"Lantern {n} hangs at gate {n}."} for n in range(40)]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(watching, "_LOOK_AGAIN", 0.1)
    home = tmp_path / "home"
    home.mkdir()
    with nobody(home):
        yield


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps(PAIRS))
    return path


def live(walk: Walk, *, profile: str | None = None, region: str | None = None) -> Services:
    return build(
        lambda: Connection(profile, region),
        sandbox=False,
        paths=walk.paths,
        settings=Settings(),
        profile=profile,
        region=region,
        pace=FAST,
        now=walk.clock.now,
    )


def sign_in(walk: Walk, environment: pytest.MonkeyPatch, *, region: str | None = None) -> None:
    """The sandbox plays the part of AWS for whoever has its keys."""
    environment.setenv("AWS_ENDPOINT_URL", walk.sandbox.url)
    environment.setenv("AWS_ACCESS_KEY_ID", walk.sandbox.access_key_id)
    environment.setenv("AWS_SECRET_ACCESS_KEY", walk.sandbox.secret_access_key)
    if region:
        environment.setenv("AWS_REGION", region)


async def test_without_credentials_files_are_opened_checked_and_converted(
    walk: Walk, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with walk.app([pairs], size=(120, 30), services=live(walk, region="us-west-2")):
        await walk.sees("LIVE us-west-2", "No AWS credentials found", "aws sso login", "✓ clean")
        await walk.press("x")
        await walk.sees("Convert pairs.json for Claude 3 Haiku")
        await walk.press("enter")
        await walk.sees("40 records written")
        await walk.press("p")
        await walk.sees("No AWS credentials found")
        await walk.press("2", "n")
        await walk.sees("No AWS credentials found", "AWS has not been seen yet")
        sign_in(walk, monkeypatch)
        await walk.sees(walk.sandbox.account_id, "endpoint http://127.0.0.1", "No runs yet")
        await walk.misses("No AWS credentials found")
    written = pairs.with_name("pairs.claude-3-haiku.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in written]
    for record, pair in zip(records, PAIRS, strict=True):
        assert list(record) == ["system", "messages"]
        assert record["messages"] == [
            {"role": "user", "content": pair["q"]},
            {"role": "assistant", "content": pair["a"]},
        ]


async def test_a_region_set_later_is_found(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(walk, monkeypatch)
    async with walk.app(services=live(walk)):
        await walk.sees("LIVE no Region", "No AWS Region is set", "--region us-west-2")
        monkeypatch.setenv("AWS_REGION", "us-west-2")
        await walk.sees("LIVE us-west-2", walk.sandbox.account_id)


async def test_a_profile_written_later_is_found(walk: Walk, tmp_path: Path) -> None:
    at = walk.sandbox
    async with walk.app(services=live(walk, profile="tuner", region="us-west-2")):
        await walk.sees("profile tuner", "There is no AWS profile tuner", "~/.aws/config")
        (tmp_path / "home" / "config").write_text(
            f"[profile tuner]\nregion = us-west-2\nendpoint_url = {at.url}\n"
            f"aws_access_key_id = {at.access_key_id}\naws_secret_access_key = {at.secret_access_key}\n"
        )
        await walk.sees(at.account_id, "profile tuner")
        await walk.misses("There is no AWS profile")


async def test_an_endpoint_that_comes_up_later_is_found(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(walk, monkeypatch, region="us-west-2")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    async with walk.app(services=live(walk)):
        await walk.sees("AWS cannot be reached", "Check network, DNS and Region")
        monkeypatch.setenv("AWS_ENDPOINT_URL", walk.sandbox.url)
        await walk.press("r")
        await walk.sees(walk.sandbox.account_id)
        await walk.misses("AWS cannot be reached")


@pytest.mark.parametrize(
    ("key", "opens"),
    [
        ("n", "New job on"),
        ("b", "Serve lantern-keeper"),
        ("B", "Buy, evaluate and delete lantern-keeper"),
        ("X", "Delete this custom model?"),
        ("S", "Only a job that is under way can be stopped"),
    ],
)
async def test_a_key_of_the_first_second_does_what_it_is_for_when_aws_has_answered(
    walk: Walk, key: str, opens: str
) -> None:
    trained(walk)
    walk.sandbox.faults.add(kind="slow", operation="GetCallerIdentity", seconds=60, times=None)
    async with walk.app(size=(100, 30)):
        await walk.press("2", key)
        await walk.sees("AWS has not answered yet; this goes on when it has")
        walk.sandbox.faults.clear()
        await walk.sees(opens)


async def test_who_asks_for_a_look_is_answered(walk: Walk) -> None:
    async with walk.app():
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2", "r")
        await walk.sees("This is what AWS says now")
        walk.sandbox.faults.add(kind="denied", operation="ListModelCustomizationJobs", times=None)
        await walk.press("r")
        await walk.sees("does not allow this")
        said = next(line for line in walk.lines if "does not allow" in line)
        await walk.press("r")
        await walk.until(lambda: said in walk.lines, "the same answer")
        walk.sandbox.faults.clear()
        await walk.press("r")
        await walk.sees("This is what AWS says now")


async def test_credentials_that_expire_in_between_are_told_of_once_and_renewed(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(walk, monkeypatch, region="us-west-2")
    async with walk.app(size=(120, 30), services=live(walk)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("No runs yet")
        walk.sandbox.faults.add(kind=FaultKind.EXPIRED, times=None)
        await walk.sees("The AWS credentials have expired", "Sign in again", "▲ expired credentials")
        walk.sandbox.faults.clear()
        await walk.sees("AWS answers again")
        await walk.misses("▲ expired credentials")


async def test_another_account_is_not_the_old_one_with_everything_deleted(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credentials are changed outside; all lists of the other account are empty."""
    served(walk)
    services = walk.services()

    async def nothing(region: str | None = None) -> list[Any]:
        return []

    async with walk.app(services=services, size=(120, 30)) as app:
        await walk.sees("1 MU")
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        told: list[str] = []
        say = screen.say

        def hear(text: str, *kind: Any, **cures: Any) -> None:
            told.append(text)
            say(text, *kind, **cures)

        monkeypatch.setattr(screen, "say", hear)
        for part, name in ((services.jobs, "all"), (services.jobs, "models")):
            monkeypatch.setattr(part, name, nothing)
        for name in ("throughputs", "deployments"):
            monkeypatch.setattr(services.endpoints, name, nothing)
        call = services.aws.call

        async def other(service: str, operation: str, *rest: Any, **more: Any) -> Any:
            if operation == "get_caller_identity":
                return {"Account": "999988887777", "Arn": "arn:aws:iam::999988887777:user/x"}
            return await call(service, operation, *rest, **more)

        monkeypatch.setattr(services.aws, "call", other)
        services.watcher.wake()
        await walk.sees("999988887777", "another account")
        await walk.misses("1 MU")
        assert not [text for text in told if "deleted" in text]
        assert services.place(screen.identity).startswith("999988887777/")


async def test_throughput_that_may_not_be_listed_is_not_forgotten(walk: Walk) -> None:
    served(walk)
    async with walk.app(size=(120, 30)):
        await walk.sees("● 1 MU ")
        walk.sandbox.faults.add(kind=FaultKind.DENIED, operation="ListProvisionedModelThroughputs", times=None)
        walk.app_now.services.watcher.wake()
        await walk.sees("● 1 MU?", "AWS does not allow this")
        assert not walk.shows("is deleted")
        await walk.press("2")
        await walk.sees("may not be listed: provisioned throughputs")
        await walk.press("q")
        await walk.sees("Quit tanzaku?", "goes on billing")


async def test_throughput_that_was_never_listed_may_be_billing(walk: Walk) -> None:
    served(walk)
    walk.sandbox.faults.add(kind=FaultKind.DENIED, operation="ListProvisionedModelThroughputs", times=None)
    async with walk.app(size=(120, 30)):
        await walk.sees("● ? MU")
        await walk.press("q")
        await walk.sees("Quit tanzaku?", "may be billing")


async def test_a_memory_that_cannot_be_opened_is_told_once_and_aws_is_watched(walk: Walk) -> None:
    served(walk)
    path = walk.paths.sandbox_store
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    async with walk.app(size=(120, 30)) as app:
        await walk.sees("● 1 MU", "memory cannot be opened")
        await walk.press("2")
        await walk.sees("lantern-keeper")
        await walk.press("n")
        await walk.sees("memory cannot be opened")
        assert app.is_running


async def test_credentials_are_looked_at_again_when_their_time_is_over(walk: Walk) -> None:
    services = walk.services()
    async with walk.app(size=(120, 30), services=services) as app:
        await walk.sees(walk.sandbox.account_id)
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        screen.identity = replace(screen.identity, expires=walk.clock.now() + timedelta(minutes=4))
        await walk.sees("m left")
        asked = sent(walk, "GetCallerIdentity")
        await walk.pass_time(241)
        await walk.until(lambda: sent(walk, "GetCallerIdentity") > asked, "another look")
        await walk.until(lambda: screen.identity.expires is None, "the identity of now")
        assert not walk.shows("expired")
        asked = sent(walk, "GetCallerIdentity")
        await walk.pass_time(301)
        await walk.until(lambda: sent(walk, "GetCallerIdentity") > asked, "a look after five minutes")
