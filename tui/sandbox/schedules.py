"""EventBridge Scheduler, as far as deletions at a fixed time go: one-time schedules that call Amazon Bedrock.

A schedule fires when the sandbox's clock reaches its time, in the name of its role: without trust in
scheduler.amazonaws.com, or without the permission to delete, nothing happens, as on AWS, where only a dead-letter
queue would tell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tui.sandbox import endpoints, roles
from tui.sandbox.access import context
from tui.sandbox.errors import ServiceError, conflict, not_found, validation
from tui.sandbox.records import Schedule
from tui.sandbox.wire import Call
from tui.sandbox.world import World, cut

SCHEDULER = "scheduler.amazonaws.com"
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_TARGETS = {
    "arn:aws:scheduler:::aws-sdk:bedrock:deleteProvisionedModelThroughput": (
        "DeleteProvisionedModelThroughput",
        "ProvisionedModelId",
    )
}


def create_schedule(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        given = call.parameters
        key = _key(call)
        there = world.records.schedules.get(key)
        if there is not None and (token := given.get("ClientToken")) and there.token == token:
            return {"ScheduleArn": there.arn}
        if there is not None:
            raise conflict(f"Schedule {given['Name']} already exists.")
        world.records.schedules[key] = _made(world, call, world.now())
        world.save()
        return {"ScheduleArn": world.records.schedules[key].arn}


def update_schedule(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        there = _found(world, call)
        world.records.schedules[_key(call)] = _made(world, call, there.created)
        world.save()
        return {"ScheduleArn": there.arn}


def get_schedule(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        item = _found(world, call)
    return {
        "Arn": item.arn,
        "GroupName": "default",
        "Name": item.name,
        "ScheduleExpression": item.expression,
        "ScheduleExpressionTimezone": item.timezone,
        "State": item.state,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": item.after,
        "Target": {"Arn": item.target, "RoleArn": item.role_arn, "Input": item.input},
        "CreationDate": item.created,
        "LastModificationDate": item.modified,
    }


def list_schedules(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    with world.lock:
        found = sorted(
            (s for s in world.records.schedules.values() if s.region == call.region), key=lambda item: item.name
        )
    found = [s for s in found if s.name.startswith(given.get("NamePrefix") or "")]
    names = {"MaxResults": "maxResults", "NextToken": "nextToken"}
    shown, token = cut(found, {names[name]: value for name, value in given.items() if name in names})
    summaries = [
        {"Arn": s.arn, "GroupName": "default", "Name": s.name, "State": s.state, "Target": {"Arn": s.target}}
        for s in shown
    ]
    return {"Schedules": summaries} | ({"NextToken": token} if token else {})


def delete_schedule(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        _found(world, call)
        del world.records.schedules[_key(call)]
        world.save()
    return {}


def _key(call: Call) -> str:
    return f"{call.region}/{call.parameters['Name']}"


def _found(world: World, call: Call) -> Schedule:
    found = world.records.schedules.get(_key(call))
    if found is None:
        raise not_found(f"Schedule {call.parameters['Name']} does not exist.")
    return found


def _made(world: World, call: Call, created: float) -> Schedule:
    given = call.parameters
    target, timezone = given["Target"], given.get("ScheduleExpressionTimezone") or "UTC"
    if target["Arn"] not in _TARGETS:
        raise validation(f"The sandbox has no target {target['Arn']}.")
    documents = world.storage.role(target["RoleArn"])
    name, arn = given["Name"], f"arn:aws:scheduler:{call.region}:{world.account_id}:schedule/default/{given['Name']}"
    group = f"arn:aws:scheduler:{call.region}:{world.account_id}:schedule-group/default"
    if documents is None or not roles.may_assume(documents.trust, world.account_id, group, SCHEDULER):
        raise validation("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
    return Schedule(
        arn=arn,
        name=name,
        region=call.region,
        token=given.get("ClientToken"),
        expression=given["ScheduleExpression"],
        timezone=timezone,
        due=_due(given["ScheduleExpression"], timezone),
        target=target["Arn"],
        role_arn=target["RoleArn"],
        input=target.get("Input", "{}"),
        after=given.get("ActionAfterCompletion") or "NONE",
        state=given.get("State") or "ENABLED",
        created=created,
        modified=world.now(),
    )


def _due(expression: str, timezone: str) -> float:
    found = _AT.fullmatch(expression)
    if found is None:
        raise validation(f"Invalid Schedule Expression {expression}.")
    try:
        zone = UTC if timezone == "UTC" else ZoneInfo(timezone)
        return datetime.fromisoformat(found[1]).replace(tzinfo=zone).timestamp()
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise validation(f"Invalid Schedule Expression {expression} or timezone {timezone}.") from error


def fire(world: World, now: float) -> bool:
    """Carry out what is due; call with the lock held. Whether anything changed."""
    changed = False
    for key, item in list(world.records.schedules.items()):
        if item.state != "ENABLED" or item.fired or now < item.due:
            continue
        item.fired, changed = True, True
        _carry_out(world, item)
        if item.after == "DELETE":
            del world.records.schedules[key]
    return changed


def _carry_out(world: World, item: Schedule) -> None:
    operation, member = _TARGETS[item.target]
    documents = world.storage.role(item.role_arn)
    try:
        identifier = str(json.loads(item.input)[member])
    except (ValueError, KeyError, TypeError):
        return  # a call that Bedrock would refuse
    call = Call("bedrock", operation, item.region, {"provisionedModelId": identifier})
    try:
        arn = endpoints.throughput_named(world, call).arn
        group = f"arn:aws:scheduler:{item.region}:{world.account_id}:schedule-group/default"
        trusted = documents is not None and roles.may_assume(documents.trust, world.account_id, group, SCHEDULER)
        if trusted and documents and roles.may_act(documents.permissions, f"bedrock:{operation}", arn, context(world)):
            endpoints.delete_throughput(world, call)
    except ServiceError:
        return  # gone already, or under commitment


Handler = Callable[[World, Call], dict[str, Any]]
SCHEDULE_HANDLERS: dict[str, Handler] = {
    "CreateSchedule": create_schedule,
    "GetSchedule": get_schedule,
    "UpdateSchedule": update_schedule,
    "DeleteSchedule": delete_schedule,
    "ListSchedules": list_schedules,
}
