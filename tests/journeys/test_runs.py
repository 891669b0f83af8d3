"""The list of runs: narrowed, sorted, marked; endpoints renamed and moved."""

from __future__ import annotations

from tests.harness import Walk
from tests.journeys.stage import scene_of, served
from tests.sandbox.conftest import WHOLE_JOB
from tui.tabs.jobs import JobsTab
from tui.tabs.loss import LossTab
from tui.widgets.text_pane import TextPane
from tui.widgets.virtual_table import VirtualTable


def names(walk: Walk) -> list[str]:
    tab = walk.app_now.screen_stack[0].query_one(JobsTab)
    table = tab.query_one("#runs", VirtualTable)
    return [str(table.source.cells(row)[0]) for row in range(len(table.source))]


async def test_runs_are_narrowed_sorted_and_seen_together(walk: Walk) -> None:
    scene = scene_of(walk)
    ready = scene.ready_for_jobs()
    for name in ("alpha", "beta", "gamma"):
        scene.bedrock.create_model_customization_job(**ready | {"jobName": name, "customModelName": f"{name}-m"})
        scene.pass_time(60)
    scene.pass_time(WHOLE_JOB)
    async with walk.app(size=(100, 30)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("alpha", "beta", "gamma")
        assert names(walk) == ["gamma", "beta", "alpha"]
        await walk.press("s", "r")
        await walk.until(lambda: names(walk) == ["alpha", "beta", "gamma"], "the names in order")
        await walk.press("/")
        await walk.type("is:odd !beta")
        await walk.sees("is:odd: is: takes moving", "2 of 3 runs")
        assert names(walk) == ["alpha", "gamma"]
        await walk.press("escape")
        await walk.until(lambda: len(names(walk)) == 3, "all runs")
        await walk.press("g", "space", "j", "space")
        await walk.sees("2 marked (l shows them together)")
        await walk.press("l")
        await walk.until(lambda: bool(walk.app_now.screen.query(LossTab)), "the Loss tab")
        tab = walk.app_now.screen.query_one(LossTab)
        shown = lambda: sorted(tab._known_name(run.key) for run in tab._runs.all) == ["alpha", "beta"]  # noqa: E731
        await walk.until(shown, "both")


async def test_an_endpoint_is_renamed_and_moved(walk: Walk) -> None:
    scene, arn = served(walk)
    scene.model("second-keeper")
    before = scene.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    async with walk.app(size=(100, 30)):
        await walk.sees("1 MU")
        await walk.press("2")
        await walk.sees("second-keeper", "1 MU")
        await walk.press("/")
        await walk.type("is:billing")
        await walk.press("enter", "e")
        await walk.sees(f"Change {before['provisionedModelName']}", "Units and commitment cannot be changed")
        await walk.press("ctrl+u")
        await walk.type("!")
        await walk.press("ctrl+s")
        await walk.sees("letters, digits, and single")
        await walk.press("ctrl+u")
        await walk.type("other-gate")
        await walk.press("ctrl+s")
        await walk.sees("is changed")
    after = scene.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    assert after["provisionedModelName"] == "other-gate"
    assert after["modelArn"] == before["modelArn"]


async def test_tags_are_shown_where_the_cursor_rests(walk: Walk) -> None:
    scene, _ = served(walk)
    for number in range(3):
        arn = scene.model(f"keeper-{number}")
        scene.bedrock.tag_resource(resourceARN=arn, tags=[{"key": "team", "value": f"gate {number}"}])
    async with walk.app(size=(120, 50)):
        await walk.press("2")
        await walk.sees("keeper-0")
        await walk.press("down", "down", "up")
        await walk.sees("model tags", "team=gate")
        walk.sandbox.faults.add(kind="denied", operation="ListTagsForResource", times=None)
        await walk.press("home")
        await walk.press("end")
        await walk.sees("Tags are not shown")


async def test_what_changed_while_another_tab_was_shown_is_painted_on_the_way_back(walk: Walk) -> None:
    served(walk)
    async with walk.app() as app:
        await walk.sees("● 1 MU")
        await walk.press("2")
        await walk.sees("InService · 10 m")
        detail = app.screen.query_one("#detail", TextPane)
        await walk.press("3")
        await walk.sees("[3 Loss]")
        await walk.pass_time(3 * 3600)
        await walk.until(lambda: "InService · 3 h 10 m" in detail.content.plain, "the new age, out of view")
        await walk.press("2")
        await walk.sees("[2 Jobs]", "InService · 3 h 10 m", "● 1 MU 3:10")
        painted = [line.strip() for line in walk.lines[-11:-3]]
        assert all(line in " ".join(detail.content.plain.split()) for line in painted if line.isascii())
