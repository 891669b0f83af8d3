"""Evaluations made, run, paused, gone on with, judged again, chosen, compared and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from textual import work

from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.evaluation import EvaluationDialog, Filled, SetupForm
from tui.dialogs.judge import JudgeChoices, JudgeDialog, JudgeForm
from tui.domain.chat.chat import Target
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation import canary
from tui.domain.evaluation.jobs import Way, ways
from tui.domain.evaluation.judging import Judge, JudgeKind
from tui.domain.evaluation.rubrics import DEFAULT, Rubric
from tui.domain.evaluation.run import Phase, plan
from tui.domain.evaluation.setup import QuestionFile, Setup, Sides, cost_text, judges_to_choose
from tui.domain.evaluation.spec import Spec, questions_of
from tui.domain.files.pairs import Pairs, Role
from tui.domain.folders import typed_path
from tui.domain.names import plain, stamped
from tui.domain.serving.pricing import TokenPrices
from tui.domain.text import count, safe_line
from tui.screens.evaluation_base import EvaluationBase
from tui.services.evaluation.evaluations import Control
from tui.services.evaluation.parts import still_to_judge

_RELOAD = 1.0
"""Seconds between two looks at what a run has stored so far."""
_SHARE = 9
"""At least so many times what a look takes passes before the next one: a thousand questions take a second."""
_USUAL_JUDGE = "claude-haiku-4-5"


class RunsPart(EvaluationBase):
    """What makes evaluations and lets them run."""

    # A new one

    def action_new(self) -> None:
        """Set up an evaluation."""
        if self.busy():
            return
        self._new()

    @work(group="new")
    async def _new(self) -> None:
        await self.attempt(self._set_up())

    async def _set_up(self) -> None:
        place = self.place
        self.say("Looking at who can answer …")
        form = await self.setup_form(place)
        self.say("")
        while True:
            filled = await self.ask(EvaluationDialog(form))
            if filled is None:
                self.say("Nothing was asked")
                return
            form = as_filled(form, filled)
            try:
                if filled.path:
                    form = with_file(form, await self.file_at(filled.path))
                    continue
                way = await self._way(filled.setup)
                setup = filled.setup if way is Way.HERE else replace(filled.setup, judge=None)
                if way is Way.BEDROCK:
                    await self._make(place, filled.setup)
                    self.action_bedrock()
                    return
                if way is not None and await self._agreed(setup):
                    made = await self._make(place, setup)
                    self.run_now(made, setup.judge)
                    return
            except AppError as error:
                form = replace(form, problem=error.sentence())

    async def setup_form(self, place: str) -> SetupForm:
        """What there is to choose from. Raises AppError."""
        files = await self.services.pool.run(self._open_files)
        targets = await self._targets()
        sides = await self._usual_sides(targets)
        known = {t.model_id for t in targets}
        extra = [t for t in (sides.tuned, sides.base) if t is not None and t.model_id not in known]
        return SetupForm(
            name=stamped(plain(Path(files[0][1].name).stem if files else "", "evaluation"), self.services.now()),
            files=tuple(file for _, file in files),
            targets=(*extra, *targets),
            sides=sides,
            judges=await self._judge_choices(place, nobody=True),
            canary=canary.QUESTIONS,
            most=self.services.settings.evaluation_most,
        )

    def _open_files(self) -> list[tuple[Role, QuestionFile]]:
        """Open files as questions, those for evaluation first; training files last, since they show no learning."""
        order = [Role.EVAL, Role.VALIDATION, Role.TRAIN]
        opened = sorted(self.home.files, key=lambda f: order.index(f.role) if f.role in order else 1)
        found = [(f.role, question_file(f.pairs, f"{f.name} ({f.role})")) for f in opened]
        return [(role, replace(file, learned=role is Role.TRAIN)) for role, file in found]

    async def file_at(self, path: str) -> QuestionFile:
        """The questions of a file. Raises AppError."""
        opened = await self.services.datasets.open(typed_path(path))
        file = await self.services.pool.run(question_file, opened, safe_line(opened.path.name, 60))
        if not file.questions:
            why = file.skipped[0] if file.skipped else "it is empty"
            raise AppError(Cause.FILE, f"{file.name} has no questions with references", why)
        return file

    async def _targets(self) -> list[Target]:
        """Endpoints of the account, then what Bedrock offers on demand."""
        served = [run.target(e) for run in self.home.board.runs for e in run.endpoints if e.ready]
        try:
            return served + await self.services.catalog.targets()
        except AppError as error:
            self.say(error.sentence(), "problem")
            return served

    async def _usual_sides(self, targets: Sequence[Target]) -> Sides:
        """Chat's two sides; where nobody is chosen there, the newest served model and the base model under it."""
        tuned, base = self.sides.tuned, self.sides.base
        served = next((r for r in self.home.board.runs if r.ready_endpoint), None)
        if tuned is None and served is not None and served.ready_endpoint is not None:
            tuned = next(
                (t for t in targets if served.ready_endpoint and t.model_id == served.ready_endpoint.arn), None
            )
        model = served.base_model if served else None
        if base is None and model is not None:
            base = next((t for t in targets if t.model_id == model.runtime_id), None)
        settings = self.services.settings
        system = self.sides.system
        if self.sides == Sides():
            system = await self.services.recall(self.place, "system_prompt", settings.system_prompt)
        return Sides(tuned, base, self.sides.parameters, system)

    async def _judge_choices(self, place: str, *, nobody: bool) -> JudgeChoices:
        used = list(await self.services.evaluations.judges(place))
        models = [t for t in await self._targets() if not t.tuned]
        models.sort(key=lambda t: (_USUAL_JUDGE not in t.model_id, t.name))
        rubrics = {DEFAULT.sha256: DEFAULT} | {j.rubric.sha256: j.rubric for j in used if j.compares}
        rubrics |= {r.sha256: r for r in await self.services.evaluations.rubrics()}
        installed = {name: find_spec(name) is not None for name in ("langchain_aws", "bert_score")}
        kinds = judges_to_choose(langchain=installed["langchain_aws"], bertscore=installed["bert_score"])
        offered = {t.model_id for t in models}
        last = next((j for j in used if j.target is None or j.target.model_id in offered), None)
        known = {kind for _, kind in kinds}
        chosen = last if last is not None and last.kind in known else None
        offered_rubrics = tuple(rubrics.values())
        return JudgeChoices(tuple(kinds), tuple(models), offered_rubrics, chosen, nobody, self._keep_rubric)

    @work(group="rubric")
    async def _keep_rubric(self, rubric: Rubric) -> None:
        await self.attempt(self.services.evaluations.keep_rubric(rubric))

    async def _way(self, setup: Setup) -> Way | None:
        """Who asks and judges; many questions go to Bedrock unless something else is wished. None goes back."""
        spec, most = setup.spec, self.services.settings.evaluation_most
        assert spec is not None
        if len(spec.questions) <= most:
            return Way.HERE
        offered = ways(spec, self.services.now())
        title = f"{len(spec.questions):,} questions are more than {most:,}"
        chosen = await self.ask(ChoiceDialog(title, [Choice(way.name, way, note) for way, note in offered]))
        return Way[chosen] if chosen else None

    async def _agreed(self, setup: Setup) -> bool:
        """Whether the calls and their cost are agreed to."""
        spec = setup.spec
        assert spec is not None
        planned = plan(spec, setup.judge)
        prices = await self.token_prices(spec, setup.judge)
        body = f"{planned.text}.\nCost: {cost_text(planned, spec, setup.judge, prices)}."
        note = "\nAnswers are stored the moment they come; p pauses, and what is stored is never asked again."
        asked = ConfirmDialog(f"Make {count(planned.calls, 'call')}?", body + note, yes="Ask")
        return await self.ask(asked) is True

    async def token_prices(self, spec: Spec, judge: Judge | None) -> dict[str, TokenPrices]:
        """Prices of all that are asked, by model id."""
        region = self.home.identity.region
        wanted = [spec.tuned, spec.base] + ([judge.target] if judge and judge.target else [])
        found = await asyncio.gather(*(self.services.prices.of_target(t, region) for t in wanted))
        return {t.model_id: prices for t, prices in zip(wanted, found, strict=True)}

    async def _make(self, place: str, setup: Setup) -> str:
        """Store it, show it, and give its id; nothing is asked yet."""
        spec = replace(setup, job_arn=self._job_of(setup.sides.tuned)).spec
        assert spec is not None
        made = await self.services.evaluations.create(place, spec)
        self.sides = setup.sides
        self.judge = setup.judge
        await self.load(made.id, judge=setup.judge)
        return made.id

    def _job_of(self, tuned: Target | None) -> str:
        """ARN of the customization job that made the model which answers, where it is known."""
        runs = [r for r in self.home.board.runs if tuned and any(e.arn == tuned.model_id for e in r.endpoints)]
        return runs[0].job.arn if runs and runs[0].job else ""

    # Running

    @work(group="run")
    async def run_now(self, evaluation: str, judge: Judge | None, *, retry: bool = False, asking: bool = True) -> None:
        """Ask and judge until all is stored; told while it goes on."""
        if self.busy():
            return
        control = self.control = Control()
        self.running, due = evaluation, 0.0
        clock = asyncio.get_running_loop().time
        try:
            run = self.services.evaluations.run(evaluation, judge, retry=retry, control=control, asking=asking)
            async for progress in run:
                self.progress = progress
                if (began := clock()) >= due:
                    await self._reload(evaluation, judge)
                    due = clock() + max(_RELOAD, _SHARE * (clock() - began))
                else:
                    self.draw_progress()
            self._tell_end(judged=judge is not None, asking=asking)
        except AppError as error:
            self.say(f"The evaluation ended early: {error.sentence()} r goes on", "problem")
        finally:
            self.control, self.running, self.progress = None, "", None
        await self.attempt(self._reload(evaluation, judge))

    def draw_progress(self) -> None:
        """Show how far it has come."""
        raise NotImplementedError

    async def _reload(self, evaluation: str, judge: Judge | None) -> None:
        if self.results is not None and self.results.id == evaluation:
            await self.load(evaluation, judge=judge)

    def _tell_end(self, *, judged: bool, asking: bool) -> None:
        progress, results = self.progress, self.results
        if progress is None:
            return
        failed = progress.failed_answers + progress.failed_judgements
        if progress.phase is Phase.STOPPED:
            self.say("The evaluation is stopped; r goes on where the stored answers end")
        elif failed:
            self.say(f"The evaluation is done but for {count(failed, 'failure')}: r tries only those again", "problem")
        elif not asking and results is not None and results.answered < results.wanted:
            self.say("What is answered is judged; r asks for the rest", "good")
        elif judged:
            self.say("The evaluation is done; everything is stored", "good")
        else:
            self.say("Every answer is stored; J lets a judge score them from here, b on Bedrock", "good")

    def action_pause(self) -> None:
        """Ask nothing new, or go on."""
        if self.control is None:
            self.say("No evaluation is under way; r goes on with one", "problem")
        elif self.control.paused:
            self.control.resume()
            self.say("The evaluation goes on")
        else:
            self.control.pause()
            self.say("Paused: what is under way is finished and stored; p goes on")

    def action_retry(self) -> None:
        """Go on where the stored answers end, and try again what failed."""
        results = self.needs_results()
        if results is None or self.busy():
            return
        if (
            any(job.moving for job in self.services.evaluation_jobs.of(results.id))
            and results.answered < results.wanted
        ):
            self.say("Bedrock is asking these questions now; 2 Jobs follows it", "problem")
            return
        judge = self.judge
        if judge is not None and judge.kind is JudgeKind.BEDROCK:  # nobody else's judgements are its own
            if results.answered >= results.wanted:
                self.say("Bedrock judges in jobs of its own: b orders them, J lets a judge score from here", "problem")
                return
            judge = None
        self.run_now(results.id, judge, retry=True)

    def action_judge_again(self) -> None:
        """Judge the stored answers by another judge or rubric."""
        if self.needs_results() is not None and not self.busy():
            self._judge_again()

    @work(group="new")
    async def _judge_again(self) -> None:
        await self.attempt(self._choose_judge())

    async def _choose_judge(self) -> None:
        results = self.results
        assert results is not None
        choices = await self._judge_choices(self.place, nobody=False)

        def told(judge: Judge) -> list[str]:
            calls, read, written = still_to_judge(results, judge)
            if not calls and results.judge(judge.id):
                return ["this judge has judged all of it: its scores are shown, and nobody is asked"]
            tokens = f"≈ {read:,} tokens in, ≈ {written:,} out"
            stored = (
                "this judge's own earlier judgements are kept and not asked again" if results.judge(judge.id) else ""
            )
            return [f"at most {count(calls, 'call')} to the judge, {tokens}; no other model is asked", stored]

        judge = await self.ask(JudgeDialog(JudgeForm(choices, told)))
        if judge is None:
            return
        calls, read, written = still_to_judge(results, judge)
        if calls:
            prices = await self.token_prices(results.spec, judge)
            found = prices[judge.target.model_id] if judge.target else TokenPrices()
            amount = found.answered(read, written)
            price = f"at most ${amount:,.4f} ({found.origin})" if amount is not None else "$ ? (the price is not known)"
            body = f"{' '.join(told(judge)).strip()}.\nCost: {price}."
            if not await self.ask(ConfirmDialog(f"Let {safe_line(judge.name, 60)} judge?", body, yes="Judge")):
                return
        await self.load(results.id, judge=judge)
        self.judge = judge
        self.run_now(results.id, judge, asking=False)


def question_file(pairs: Pairs, name: str) -> QuestionFile:
    """A file of pairs as questions with references."""
    questions, skipped = questions_of(pairs)
    return QuestionFile(name, questions, skipped)


def as_filled(form: SetupForm, filled: Filled) -> SetupForm:
    """The form as it was filled in."""
    setup = filled.setup
    at = form.files.index(setup.file) if setup.file in form.files else 0
    judges = replace(form.judges, chosen=setup.judge) if setup.judge else form.judges
    return replace(
        form,
        name=setup.name,
        file=at,
        sides=setup.sides,
        samples=str(setup.samples),
        judges=judges,
        with_canary=filled.with_canary,
        problem="",
    )


def with_file(form: SetupForm, file: QuestionFile) -> SetupForm:
    """The form with one more file, chosen."""
    return replace(form, files=(*form.files, file), file=len(form.files))
