"""Run the sandbox alone: ``python -m tui.sandbox [--port N] [--state DIR] [--speed N] [--region R] [--reset]``."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui.sandbox.process import clean_environment
from tui.sandbox.scenarios import Scenario, explained

if TYPE_CHECKING:
    from tui.sandbox.server import Sandbox

_TOKEN_DELAY = 0.015


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tanzaku sandbox", description="Amazon Bedrock, S3, IAM and STS on this machine"
    )
    parser.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--state", type=Path, help="folder that keeps the world (default: in memory only)")
    parser.add_argument(
        "--speed", type=float, default=60.0, help="how much faster than on AWS waits pass (default: 60)"
    )
    parser.add_argument("--region", default="us-west-2", help="AWS Region (default: us-west-2)")
    parser.add_argument(
        "--scenario",
        action="append",
        choices=list(Scenario),
        type=Scenario,
        default=[],
        metavar="NAME",
        help=explained(),
    )
    parser.add_argument("--reset", action="store_true", help="start with an empty world")
    parser.add_argument("--json", action="store_true", help="print the address as JSON and end with the parent")
    arguments = parser.parse_args(argv)
    if not arguments.speed > 0:
        parser.error("--speed must be above 0")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to end; the answer is the process's exit status."""
    arguments = _arguments(argv)
    cleaned = clean_environment(dict(os.environ))
    os.environ.clear()
    os.environ.update(cleaned)
    os.umask(0o077)
    # A pipe: an event's lock may be held by the very wait that a signal interrupts, and setting it would hang.
    told, tell = os.pipe()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: os.write(tell, b"."))
    if arguments.json:
        _end_with_parent(tell)
    sandbox = _start(arguments)
    if sandbox is None:
        return 1
    print(_address(sandbox) if arguments.json else _exports(sandbox), flush=True)
    threading.Thread(target=_warm_up, args=(sandbox,), name="sandbox-warm-up", daemon=True).start()
    os.read(told, 1)
    if not arguments.json:
        print("# The sandbox has ended.", file=sys.stderr, flush=True)
    sys.stdout.flush()
    sys.stderr.flush()
    # Every answered change is on disk, and daemon threads need no farewell.
    os._exit(0)


def _start(arguments: argparse.Namespace) -> Sandbox | None:
    from tui.sandbox.clock import WallClock
    from tui.sandbox.server import Sandbox
    from tui.sandbox.state_folder import FolderInUseError

    try:
        sandbox = Sandbox(
            state=arguments.state,
            clock=WallClock(arguments.speed),
            token_delay=_TOKEN_DELAY,
            region=arguments.region,
            port=arguments.port,
            scenarios=arguments.scenario,
        )
    except FolderInUseError as error:
        print(error, file=sys.stderr, flush=True)
        return None
    except (OSError, SystemExit) as error:
        print(_cannot(error, arguments), file=sys.stderr, flush=True)
        return None
    if arguments.reset:
        sandbox.reset()
    sandbox.start()
    return sandbox


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65_535:
        raise argparse.ArgumentTypeError("between 0 and 65535")
    return value


def _cannot(error: BaseException, arguments: argparse.Namespace) -> str:
    """What the system refused: the folder, or the port."""
    # Werkzeug ends the program itself where a port is taken.
    why = error.strerror or str(error) if isinstance(error, OSError) else "another program has it"
    name = getattr(error, "filename", None)
    if name is None and arguments.port:
        return f"It cannot listen on port {arguments.port}: {why}"
    return f"It cannot use its folder: {why}: {name or arguments.state}"


def _warm_up(sandbox: Sandbox) -> None:
    """Get ready what first answers would wait for, the saved world first."""
    sandbox.wait_ready()
    from tui.sandbox.language_model import BaseModel

    BaseModel.load()


def _address(sandbox: Sandbox) -> str:
    return json.dumps(
        {
            "url": sandbox.url,
            "access_key_id": sandbox.access_key_id,
            "secret_access_key": sandbox.secret_access_key,
            "region": sandbox.region,
            "account_id": sandbox.account_id,
        }
    )


def _exports(sandbox: Sandbox) -> str:
    settings = {
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_ACCESS_KEY_ID": sandbox.access_key_id,
        "AWS_SECRET_ACCESS_KEY": sandbox.secret_access_key,
        "AWS_DEFAULT_REGION": sandbox.region,
        "AWS_REGION": sandbox.region,
        "NO_PROXY": "127.0.0.1,localhost",
    }
    lines = ["# AWS on this machine. Give these lines to the shell that runs your AWS client; ctrl+c ends the sandbox."]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    lines.append("unset AWS_PROFILE AWS_SESSION_TOKEN AWS_BEARER_TOKEN_BEDROCK")
    return "\n".join(lines)


def _end_with_parent(tell: int) -> None:
    """End when the parent's end of stdin closes: it closes however the parent ends, kill -9 included."""

    def watch() -> None:
        # Not sys.stdin: a thread waiting in it would spoil the interpreter's own farewell.
        while os.read(0, 4096):
            continue
        os.write(tell, b".")

    threading.Thread(target=watch, name="sandbox-parent", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
