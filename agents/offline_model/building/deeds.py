"""Reads what a batch does: each clause of the wish becomes a step."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agents.offline_model.building.selections import TABLES, NeedsAnswer, Question, Selected, SelectionReader
from agents.offline_model.building.words.vocabulary import BuildingWords
from agents.offline_model.intents import value_of
from agents.offline_model.kinds import Kind, name_of

Match = re.Match[str]
_UPDATE = {
    "tasks": "update_task",
    "projects": "update_project",
    "checkpoints": "update_checkpoint",
    "notes": "update_note",
}
_DELETE = {**{table: tool.replace("update", "delete") for table, tool in _UPDATE.items()}}
_LIST = {
    "tasks": "list_tasks",
    "projects": "list_all_projects",
    "checkpoints": "list_checkpoints",
    "notes": "list_notes",
    "task_comments": "list_task_comments",
}
_ALL = tuple(_UPDATE)
# The tables that each deed can be done with; where nothing tells one, the first is meant.
_FITS: Mapping[str, tuple[str, ...]] = {
    "prioritise": ("tasks",),
    "priority": ("tasks",),
    "raise": ("tasks",),
    "lower": ("tasks",),
    "extract": ("notes",),
    "comment": ("tasks",),
    "status": ("tasks", "checkpoints"),
    "approve": ("checkpoints",),
    "no due": ("tasks", "checkpoints"),
    "shift": ("tasks", "checkpoints"),
    "to day": ("tasks", "checkpoints"),
    "to project": ("tasks", "notes"),
    "archive": ("projects",),
    "restore": ("projects",),
    "tag": _ALL,
    "rework": _ALL,
    "summarise each": _ALL,
}
# Groups that hold the user's own words, which may speak of anything.
_OWN_WORDS = ("target", "about", "title", "text", "value", "how", "project")
# What is done leaves them alone.
_OF_OPEN = {"prioritise", "priority", "raise", "lower", "status", "shift", "to day"}
_ARCHIVED = {"field": "status", "op": "eq", "value": "archived"}
_MADE = {
    "create task": "tasks",
    "create project": "projects",
    "create checkpoint": "checkpoints",
    "write note": "notes",
}
_LONGEST_CLAUSE = 500


class NotBuildable(Exception):  # noqa: N818 - it is an answer, and no error leaves this package
    """``question`` names the text that says why."""

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key)
        self.question = Question(key, values)


@dataclass(frozen=True, slots=True)
class Step:
    """``table`` is what it is about."""

    type: str
    instruction: str
    tools: tuple[str, ...]
    table: str


@dataclass(slots=True)
class Plan:
    """``selected`` is null where no clause tells which records are meant."""

    steps: list[Step] = field(default_factory=list)
    selected: Selected | None = None
    warnings: list[Question] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def add(self, step: Step) -> None:
        """What is done with the same record is one step."""
        last = self.steps[-1] if self.steps else None
        if last is None or last.type != "map" or (step.type, step.table) != (last.type, last.table):
            self.steps.append(step)
        else:
            instruction = f"{last.instruction} {step.instruction}"
            self.steps[-1] = replace(last, instruction=instruction, tools=(*last.tools, *step.tools))

    @property
    def tools(self) -> set[str]:
        return {tool for step in self.steps for tool in step.tools}


@dataclass(slots=True)
class DeedReader:
    """Reads clauses into a plan; ``about`` is what "it" means at first."""

    selections: SelectionReader
    words: BuildingWords
    about: Selected | None = None
    plan: Plan = field(default_factory=Plan)

    def read(self, text: str) -> Plan:
        """Raises ``NeedsAnswer`` and ``NotBuildable``."""
        for clause in self.split(text):
            self._read_clause(clause)
        return self.plan

    def split(self, text: str) -> list[str]:
        """The clauses of ``text``: a verb follows on what joins them."""
        found: list[str] = []
        start = 0
        for join in self.words.what.joins.finditer(text):
            rest = text[join.end() :].lstrip()
            if self.words.what.verbs.match(self.strip(rest)) and text[start : join.start()].strip():
                found.append(text[start : join.start()])
                start = join.end()
        return [clause for part in (*found, text[start:]) if (clause := self.strip(part))]

    def strip(self, clause: str) -> str:
        clause = self.selections.language.clauses.strip_courtesy(clause)
        while (match := self.words.what.preface.match(clause)) is not None and match.end():
            clause = clause[match.end() :].lstrip(" ,:")
        return as_imperative(clause, self.words)

    def _read_clause(self, clause: str) -> None:
        if len(clause) > _LONGEST_CLAUSE:
            raise NeedsAnswer("ask rest", words=f"{clause[:60]}…")
        for name, match in self._matches(clause):
            head = _without(clause, match)
            beyond = self.words.what.beyond.search(head)
            if beyond is not None:
                raise NotBuildable("cannot beyond", words=self._own(beyond[0]))
            self._do(name, match, clause)
            return
        beyond = self.words.what.beyond.search(clause)
        if beyond is not None:
            raise NotBuildable("cannot beyond", words=self._own(beyond[0]))
        self._miss(clause)

    def _matches(self, clause: str) -> Iterator[tuple[str, Match]]:
        for name, pattern in self.words.what.deeds:
            match = pattern.fullmatch(clause)
            if match is not None:
                yield name, match

    def _miss(self, clause: str) -> None:
        """A clause that no rule knows: records without a deed, or something else."""
        try:
            selected = self.selections.read(clause)
        except NeedsAnswer:
            selected = Selected()
        if selected.table:
            raise NeedsAnswer("ask what with", many=selected.table)
        if (
            not self.plan.steps
            and self.selections.language.kind_in(clause) is None
            and not self.words.what.verbs.match(clause)
        ):
            raise NotBuildable("cannot")
        raise NeedsAnswer("ask rest", words=self._own(clause))

    # --- deeds

    def _do(self, name: str, match: Match, clause: str) -> None:
        if name in _MADE:
            self._make(name, match, clause)
            return
        if name in ("done", "reopen"):
            self._map("status", match, {"status": "done" if name == "done" else "todo"})
            return
        if name == "consider":
            self._select(match["target"], "")
            return
        if (
            name == "summarise"
            and self.about is not None
            and self.words.what.pronoun.fullmatch(match["target"].strip())
        ):
            self._map("summarise each", match, {})
            return
        if name in ("summarise", "tell"):
            self._report(name, match["target"])
            return
        self._map(name, match, {})

    def _select(self, text: str, table: str, how: str = "") -> Selected:
        """The records that the words ``text`` mean; "it" are those that were spoken of before."""
        current = self.plan.selected or self.about
        if current is not None and self.words.what.pronoun.fullmatch(text.strip()):
            return current
        selected = self.selections.read(f"{text} {how}" if how else text, table)
        if self.plan.selected is None or self.plan.selected == selected:
            self.plan.selected = selected
            self.plan.warnings += selected.warnings
            self.plan.questions += selected.questions
        elif selected.table != self.plan.selected.table:
            raise NeedsAnswer("ask one table", tables=(self.plan.selected.table, selected.table))
        elif selected.where:
            raise NeedsAnswer("ask either", words=self._own(text), many=selected.table)
        return selected

    def _map(self, name: str, match: Match, values: dict[str, str]) -> None:
        groups = {key: value for key, value in match.groupdict().items() if value}
        how = groups.get("how", "")
        is_day = bool(how) and self.selections.language.days.find(how, self.selections.today) is not None
        fits = _FITS.get(name, _ALL)
        default = fits[0] if len(fits) < len(_ALL) else ""
        target = groups.get("target", self.words.texts["it"])
        selected = self._select(target, default, how if is_day else "")
        table = selected.table
        if not table:
            raise NeedsAnswer("ask which", words=self._own(target))
        if table not in fits:
            raise NeedsAnswer("ask archive" if name == "archive" else "ask cannot", many=table)
        if name == "archive" and _ARCHIVED in selected.where:  # "finished" ones are those: it would change nothing
            raise NeedsAnswer("ask words", words=self._own(target), many=table)
        if name in _OF_OPEN and table == "tasks" and not selected.has("status"):
            selected.where.append({"field": "status", "op": "ne", "value": "done"})
        values = {**values, **self._values(name, groups), "this": self.words.texts[f"this {table}"]}
        instruction, tool = self._instruction(name, table, values, "" if is_day else self._own(how))
        self.plan.add(Step("map", instruction, (tool,), table))

    def _values(self, name: str, groups: Mapping[str, str]) -> dict[str, str]:
        language = self.selections.language
        found: dict[str, str] = {}
        if "priority" in groups:
            found["value"] = self.words.texts[language.priorities.get(groups["priority"].lower(), "high")]
        elif "status" in groups:
            found["value"] = value_of(language.statuses, groups["status"])
            found["status"] = found["value"]
        elif "shift" in groups:
            found["value"] = groups["shift"]
        elif "day" in groups:
            found["value"] = groups["day"]
        elif "project" in groups and name == "to project":
            project = self._own(groups["project"]).strip("“”\"' ")
            found["id"] = self.selections.find_project(project)
            found["value"] = self._project_name(found["id"])
        elif "verb" in groups:
            found["verb"] = f"{groups['verb'][:1].upper()}{groups['verb'][1:]}"
        elif "text" in groups or "value" in groups:
            found["value"] = self._own(groups.get("text") or groups["value"]).strip(" “”\"'#")
        return found

    def _instruction(self, name: str, table: str, values: dict[str, str], how: str) -> tuple[str, str]:
        """What the step says, and the tool that it takes."""
        key, tool = f"do {name}", _UPDATE[table]
        if name == "prioritise" and how:
            key = "do prioritise how"
        elif name == "delete":
            tool = _DELETE[table]
        elif name == "extract":
            tool = "create_task"
        elif name == "comment":
            tool = "add_task_comment"
            key = key if "value" in values else "do comment how" if how else "do comment freely"
        elif name == "summarise each":
            key = "do summarise"
            if table == "tasks":
                key, tool = "do summarise tasks", "add_task_comment"
        elif name == "tag" and table == "tasks":
            self.plan.warnings.append(Question("warn tags"))
        text = self.words.texts["content" if table == "notes" else "description"]
        return self.words.say(key, how=how, field=text, **values), tool

    def _report(self, name: str, target: str) -> None:
        selected = self._select(self._with_noun(target), "")
        if not selected.table:
            raise NeedsAnswer("ask which", words=self._own(target))
        table = selected.table
        key, tools = (
            ("do sum up", (_LIST[table], "create_note")) if name == "summarise" else ("do tell", (_LIST[table],))
        )
        self.plan.add(Step("agent", self.words.say(key, many=self.words.texts[table]), tools, table))

    def _make(self, name: str, match: Match, clause: str) -> None:
        """Something new is made once a run, as the user said it."""
        table = _MADE[name]
        tools = [f"create_{name.split()[1]}"]
        about = ""
        if name == "write note":
            about = self._read_about(match["about"] or "")
            tools.insert(0, _LIST[about])
        instruction = self._sentence(clause)
        project = self._project_in(clause, is_needed=name == "create checkpoint")
        if project:
            instruction = f"{instruction.rstrip('.')} (project_id {project})."
        self.plan.add(Step("agent", instruction, tuple(tools), about or table))

    def _read_about(self, text: str) -> str:
        """The table that a note is about. Its words choose the records where they do so plainly."""
        if not text.strip() and self.about is not None:
            return self.about.table
        words = self._with_noun(re.sub(r"^\W*\w+ ", "", text))
        try:
            selected = self.selections.read(words)
        except NeedsAnswer:
            selected = Selected()
        if selected.table and all(question.key == "ask project" for question in selected.questions):
            return self._select(words, "").table
        kind = self.selections.language.kind_in(text)
        return "tasks" if kind is None else TABLES[kind]

    def _with_noun(self, text: str) -> str:
        """Tasks are meant by "what I finished"."""
        return self.words.which.what.sub(self.words.texts["tasks"], text)

    def _project_in(self, clause: str, *, is_needed: bool) -> str:
        """The id of the project that ``clause`` speaks of as one. Raises ``NeedsAnswer``."""
        text = self._own(clause)
        noun = self.selections.language.nouns[Kind.PROJECT]
        for row in self.selections.projects:
            name = re.escape(name_of(Kind.PROJECT, row))
            if name and re.search(rf"{noun} [“\"']?{name}(?!\w)|(?<!\w){name}[”\"']?[ -]{noun}", text, re.IGNORECASE):
                return str(row.get("id", ""))
        if not is_needed:
            return ""
        if len(self.selections.projects) == 1:
            return str(self.selections.projects[0].get("id", ""))
        raise NeedsAnswer("ask which project")

    # --- words

    def _own(self, text: str) -> str:
        return self.selections.quotes.restore_quoted(text)

    def _sentence(self, clause: str) -> str:
        text = self._own(clause).strip(" .,;")
        return f"{text[:1].upper()}{text[1:]}."

    def _project_name(self, project_id: str) -> str:
        rows = (row for row in self.selections.projects if str(row.get("id")) == project_id)
        return next((name_of(Kind.PROJECT, row) for row in rows), "")


def _without(clause: str, match: Match) -> str:
    """``clause`` without the user's own words: what is left is what shall be done."""
    kept = list(clause)
    for group in _OWN_WORDS:
        if group in match.re.groupindex and match[group] is not None:
            start, end = match.span(group)
            kept[start:end] = " " * (end - start)
    return "".join(kept)


def as_imperative(clause: str, words: BuildingWords) -> str:
    """A batch that "prioritises my tasks" shall "prioritise my tasks"."""
    first, _, rest = clause.partition(" ")
    for ending in ("es", "s"):
        stem = first.removesuffix(ending)
        if stem != first and words.what.verbs.fullmatch(stem):
            return f"{stem} {rest}"
    return clause
