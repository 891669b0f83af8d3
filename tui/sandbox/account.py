"""The account's Regions: those that the sandbox's models are in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tui.sandbox.catalog import EAST, WEST
from tui.sandbox.wire import Call
from tui.sandbox.world import World, cut


def list_regions(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    wanted = given.get("RegionOptStatusContains")
    names = sorted({WEST, EAST, world.region})
    found = [{"RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT"} for name in names]
    if wanted is not None and "ENABLED_BY_DEFAULT" not in wanted:
        found = []
    pages = {"MaxResults": "maxResults", "NextToken": "nextToken"}
    shown, token = cut(found, {pages[name]: value for name, value in given.items() if name in pages})
    return {"Regions": shown} | ({"NextToken": token} if token else {})


Handler = Callable[[World, Call], dict[str, Any]]
ACCOUNT_HANDLERS: dict[str, Handler] = {"ListRegions": list_regions}
