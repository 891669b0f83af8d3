"""The command line: arguments → live or sandbox AWS → services → app."""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tui import __version__

if TYPE_CHECKING:
    from tui.sandbox.process import SandboxProcess
    from tui.services.aws import Connection
    from tui.services.paths import Paths
    from tui.services.session import Services

_SANDBOX_REGION = "us-west-2"
_DELETING_LASTS = 30.0
"""Seconds that an end of the app may be put off to delete what bills."""
_SCENARIOS = ("role", "format", "capacity", "training", "quota", "stuck", "commitment")


def parser() -> argparse.ArgumentParser:
    """The arguments of `tanzaku`."""
    found = argparse.ArgumentParser(
        prog="tanzaku",
        description="Fine-tune, watch, probe and judge a model on Amazon Bedrock without leaving the terminal.",
        epilog="tanzaku loss FILE_OR_FOLDER… opens metrics files. "
        "tanzaku sandbox [--port N] runs the sandbox alone, for any AWS client; "
        "tanzaku sandbox books shows what was ever bought there. "
        "tanzaku notify-test [WAY] sends a notification.",
    )
    found.add_argument("files", nargs="*", metavar="FILE", type=Path, help="files of question/answer pairs")
    _add_options(found)
    found.set_defaults(metrics=[], epochs=None, print=False)
    return found


def loss_parser() -> argparse.ArgumentParser:
    """The arguments of `tanzaku loss`."""
    found = argparse.ArgumentParser(
        prog="tanzaku loss", description="Read the training and validation metrics of fine-tuning runs."
    )
    found.add_argument("metrics", nargs="+", metavar="FILE_OR_FOLDER", type=Path, help="metrics CSVs, or their folders")
    found.add_argument("--epochs", metavar="N", type=_epochs, help="how many epochs the job was asked for")
    found.add_argument("--print", action="store_true", help="print the verdict and the tables as Markdown, and end")
    _add_options(found)
    found.set_defaults(files=[])
    return found


def _add_options(found: argparse.ArgumentParser) -> None:
    found.add_argument("--profile", metavar="P", help="AWS profile (default: as boto3 finds it)")
    found.add_argument("--region", metavar="R", help="AWS Region (default: profile, AWS_DEFAULT_REGION or AWS_REGION)")
    found.add_argument("--read-only", action="store_true", help="change nothing in AWS")
    found.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    found.add_argument("--sandbox", action="store_true", help="the whole workflow on this machine, without an account")
    found.add_argument(
        "--sandbox-speed", metavar="N", type=_speed, default=60.0, help="AWS minutes go N times faster (60)"
    )
    found.add_argument(
        "--sandbox-scenario",
        metavar="NAME",
        action="append",
        choices=_SCENARIOS,
        default=[],
        help=f"rehearse a failure: {', '.join(_SCENARIOS)}; may be given again (tanzaku sandbox --help explains)",
    )
    found.add_argument("--sandbox-reset", action="store_true", help="start with an empty sandbox")
    found.add_argument("--version", action="version", version=f"tanzaku {__version__}")


def _epochs(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text[:7]) <= 100_000):
        raise argparse.ArgumentTypeError("a whole number between 1 and 100000")
    return int(text)


def _speed(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0.1 <= (value := float(text)) <= 100_000:
            return value
    raise argparse.ArgumentTypeError("a number between 0.1 and 100000")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the app; gives the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["sandbox"]:
        if not _sandbox_installed():
            return 2
        from tui.sandbox.__main__ import main as run_sandbox
        from tui.services.paths import Paths

        if given[1:] == ["books"]:
            from tui.sandbox.ledger import show

            return show(Paths.of_user().sandbox_world)
        # The same world as the app's, unless told otherwise.
        return run_sandbox(["--state", str(Paths.of_user().sandbox_world), *given[1:]])
    if given[:1] == ["notify-test"]:
        return _notify_test(given[1:])
    arguments = loss_parser().parse_args(given[1:]) if given[:1] == ["loss"] else parser().parse_args(given)
    if arguments.print:
        return _print_losses(arguments.metrics, arguments.epochs)
    only = arguments.sandbox_reset or arguments.sandbox_scenario or arguments.sandbox_speed != 60.0
    if only and not arguments.sandbox:
        parser().error("--sandbox-speed, --sandbox-scenario and --sandbox-reset want --sandbox")
    if arguments.sandbox and not _sandbox_installed():
        return 2
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()):
        print("tanzaku needs a terminal; `tanzaku loss --print FILE…` does without", file=sys.stderr)
        return 2
    # Off until the first frame is painted: a fifth of the start would go to collecting what stays.
    gc.disable()
    return _run(arguments)


def _notify_test(given: Sequence[str]) -> int:
    """Send one notification as the app would, and say how."""
    from tui.domain.notify import Way, explanation, notification
    from tui.services.paths import Paths
    from tui.services.settings import load

    found = argparse.ArgumentParser(prog="tanzaku notify-test", description="Send a notification to this terminal.")
    ways = [way.value for way in Way]
    found.add_argument("way", nargs="?", choices=ways, help="how (default: as set, else found)")
    settings, complaints = load(Paths.of_user().settings)
    way = Way(found.parse_args(given).way or settings.notify)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(explanation(way, os.environ), flush=True)
    print(notification(way, "tanzaku", "This is what a finished job looks like.", os.environ), end="", flush=True)
    return 0


def _print_losses(paths: Sequence[Path], epochs: int | None) -> int:
    from tui.domain.errors import AppError
    from tui.domain.loss.report import LossRun, summary_markdown
    from tui.services.loss.losses import local_runs

    try:
        runs = [LossRun(str(number), curves) for number, curves in enumerate(local_runs(paths, epochs))]
    except AppError as error:
        print(f"tanzaku: {error.sentence()}", file=sys.stderr)
        return 1
    print(summary_markdown(runs), end="")
    return 0


def _sandbox_installed() -> bool:
    from importlib.util import find_spec

    missing = [name for name in ("moto", "flask", "numpy") if find_spec(name) is None]
    if missing:
        print(f"The sandbox needs {', '.join(missing)}: pip install 'tanzaku[sandbox]'", file=sys.stderr)
    return not missing


def _run(arguments: argparse.Namespace) -> int:
    from tui.domain.errors import AppError
    from tui.services.paths import Paths
    from tui.services.settings import load

    paths = Paths.of_user()
    settings, complaints = load(paths.settings)
    process: SandboxProcess | None = None
    services: Services | None = None
    files = list(arguments.files)
    region = arguments.region
    if arguments.sandbox:
        region = region or _SANDBOX_REGION
        process = _sandbox_process(
            paths, arguments.sandbox_speed, arguments.sandbox_reset, region, arguments.sandbox_scenario
        )
        connect = _to_sandbox(process)
        files = files or _shipped_files(paths, complaints)
    else:
        connect = _to_aws(arguments.profile, region)
    try:
        _steady_terminal()
        from tui.app import TanzakuApp
        from tui.services.session import build

        services = build(
            connect,
            sandbox=arguments.sandbox,
            paths=paths,
            settings=settings,
            profile=arguments.profile,
            region=region,
            read_only=arguments.read_only,
        )
        app = TanzakuApp(
            services,
            files,
            complaints,
            lambda: process.notices if process else (),
            metrics=arguments.metrics,
            asked_epochs=arguments.epochs,
        )
        app.run(mouse=settings.mouse and not arguments.no_mouse)
        services.close()
        return app.return_code or 0
    except AppError as error:
        print(f"tanzaku: {error.sentence()}", file=sys.stderr)
        return 1
    finally:
        if services is not None:
            _end_what_bills(services)
        if process is not None:
            process.stop()


def _end_what_bills(services: Services) -> None:
    """Delete what one go has bought and was not given the time to delete. The screen is gone, by whatever way: it is
    told on the bare terminal, where there is one."""
    order = services.one_go.unfinished if "one_go" in vars(services) else None
    if order is None:
        return
    import asyncio

    from tui.domain.errors import AppError

    def tell(text: str) -> None:
        with contextlib.suppress(OSError):
            print(f"tanzaku: {text}", file=sys.stderr, flush=True)

    tell(f"deleting {order.name} before leaving …")
    try:
        asyncio.run(asyncio.wait_for(services.one_go.finish(), _DELETING_LASTS))
        tell(f"{order.name} does not bill any more")
    except AppError as error:
        tell(f"{error.sentence()} Start tanzaku again: it goes on deleting it.")
    except (TimeoutError, KeyboardInterrupt):
        tell(f"{order.name} may bill on: AWS has not answered. Start tanzaku again: it goes on deleting it.")


def _steady_terminal() -> None:
    """Mend what the environment says of a terminal that can do more."""
    if os.environ.get("TERM", "").casefold() in ("dumb", "unknown"):
        # Rich takes such a one for 80x25 whatever its size is, and Textual would change between the two for ever.
        os.environ["TERM"] = "ansi"
    # Where Textual writes. Keys are read as UTF-8; without a locale Python would write `\u2026`, and every column would
    # be off.
    _in_utf8(sys.__stderr__)


def _in_utf8(stream: TextIO | None) -> None:
    if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
        stream.reconfigure(encoding="utf-8")


def _shipped_files(paths: Paths, complaints: list[str]) -> list[Path]:
    """Copies of the shipped English pairs that may be edited; the originals where no copy can be made."""
    from tui.services.paths import SHIPPED, editable_copies, shipped_dataset

    try:
        return editable_copies(paths.pairs)[: len(SHIPPED)]
    except OSError as error:
        complaints.append(f"The shipped pairs could not be copied ({error.strerror}); these are the originals.")
        return [shipped_dataset() / name for name in SHIPPED]


def _sandbox_process(
    paths: Paths, speed: float, reset: bool, region: str, scenarios: Sequence[str] = ()
) -> SandboxProcess:
    from tui.sandbox.process import SandboxProcess

    if reset:
        for leftover in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):  # a folder that cannot be used is told by who needs it
                Path(f"{paths.sandbox_store}{leftover}").unlink(missing_ok=True)
        shutil.rmtree(paths.losses(sandbox=True), ignore_errors=True)
    return SandboxProcess(state=paths.sandbox_world, speed=speed, reset=reset, region=region, scenarios=scenarios)


def _to_sandbox(process: SandboxProcess) -> Callable[[], Connection]:
    def connect() -> Connection:
        from tui.domain.errors import AppError, Cause
        from tui.sandbox.process import SandboxError
        from tui.services.aws import Connection

        try:
            # Only now, behind the first frame: both would have to share the machine.
            process.start()
            at = process.address()
        except SandboxError as error:
            again = "It is tried again by itself"
            if "folder" in str(error):
                again = "Set XDG_STATE_HOME to another; it is tried again by itself"
            raise AppError(Cause.SANDBOX, "The sandbox did not start", str(error), again) from error
        return Connection(None, at.region, at.url, at.access_key_id, at.secret_access_key)

    return connect


def _to_aws(profile: str | None, region: str | None) -> Callable[[], Connection]:
    def connect() -> Connection:
        from tui.services.aws import Connection

        return Connection(profile, region)

    return connect


def entry() -> None:
    """The `tanzaku` command: end at once when the app has, whatever threads still wait for."""
    _in_utf8(sys.stdout)
    try:
        code = main()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # closed by the shell
                stream.flush()
    except BrokenPipeError:  # who read has read enough
        code = 1
    except OSError as error:
        if error.filename is not None:
            raise
        with contextlib.suppress(OSError):
            print(f"tanzaku: what is printed cannot be written: {error.strerror}", file=sys.stderr, flush=True)
        code = 1
    os._exit(code)


if __name__ == "__main__":
    entry()
