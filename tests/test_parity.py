"""Models, code and traces have one vocabulary: every action is a function or an event, and back.

The table is in spec/tla/manifest.json: for each module its actions, with the Python functions that
do them and the trace event that tells of them.
"""

import importlib
import inspect
import re
from typing import get_args

import pytest

from refimpl.model import trace
from refimpl.tlc.manifest import FOLDER, Subject, subjects

SUBJECTS = list(subjects())
EVENTS = {event.__name__: event for event in get_args(trace.TraceEvent)}
NO_ACTION = {  # events that the trace modules follow by themselves
    "PutRefused": "at most the first half of an append: the blank that closes a file",
    "Unheard": "the Append that the machine stopped in, before anybody heard of it",
    "PassDelayed": "a message that the power tore or an older broker left: promised to nobody",
    **dict.fromkeys(
        ("Observed", "ObservedOffset", "ObservedFile", "ObservedWalk"),
        "a look, which changes nothing",
    ),
    "MoveOffset": "resets say what shall not be consumed, and a recovery keeps WithinTheQueue",
    "PersistOffset": "the part of Persist that says what is written",
    "LoadOffset": "the part of Load that says what was read",
}


def text_of(module: str) -> str:
    return (FOLDER / f"{module}.tla").read_text("utf-8")


def found(dotted: str) -> object:
    """The object of a dotted name, through modules and classes."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            thing = getattr(thing, part)
        return thing
    raise AssertionError(dotted)


def public_functions(dotted: str) -> set[str]:
    """Functions that a module defines, or public methods and properties of a class."""
    owner = found(dotted)
    here = owner.__name__ if inspect.ismodule(owner) else None
    return {
        name
        for name, member in vars(owner).items()
        if not name.startswith("_")
        and (inspect.isfunction(member) or isinstance(member, property))
        and (here is None or inspect.getmodule(member) is owner)
    }


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.module)
def test_the_table_names_the_actions_of_the_module(subject: Subject) -> None:
    text = text_of(subject.module)
    following = re.search(r"^Next ==\n((?:  .*\n)+)", text, re.MULTILINE)
    assert following is not None, "a module has a definition Next"
    defined = set(re.findall(r"^(\w+)(?:\([\w, ]+\))? ==", text, re.MULTILINE))
    actions = set(re.findall(r"\b[A-Z]\w*\b", following[1])) & defined
    constants = {name for name in actions if is_constant(text, name)}
    assert {action.name for action in subject.actions} == actions - constants


def is_constant(text: str, name: str) -> bool:
    """A definition without a primed variable and without a call of one is no action."""
    body = re.search(
        rf"^{name}(?:\([\w, ]+\))? ==(.*(?:\n(?!\w+.*==|----|====).*)*)", text, re.MULTILINE
    )
    assert body is not None
    if re.search(r"\w'|UNCHANGED", body[1]):
        return False
    called = set(re.findall(r"\b[A-Z]\w*\b", body[1])) - {name}
    defined = set(re.findall(r"^(\w+)(?:\([\w, ]+\))? ==", text, re.MULTILINE))
    return all(is_constant(text, other) for other in called & defined)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.module)
def test_every_action_is_a_function_or_somebody_elses(subject: Subject) -> None:
    for action in subject.actions:
        for name in action.functions:
            assert callable(found(name)), name
        assert not action.event or action.event in EVENTS, action.event
        assert bool(action.functions) != (action.name in subject.outside), action.name


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.module)
def test_every_function_is_an_action_or_says_why_not(subject: Subject) -> None:
    done = {name for action in subject.actions for name in action.functions}
    known, used = set(subject.not_actions), set[str]()
    for owner in subject.python:
        there = {name for name in public_functions(owner) if f"{owner}.{name}" in done}
        missing = public_functions(owner) - there - known
        assert not missing, f"{owner}: {sorted(missing)}"
        used |= public_functions(owner) - there
    assert known <= used, f"no such function, or an action all the same: {sorted(known - used)}"


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_told_by_an_action(name: str) -> None:
    """The event's docstring names the modules, or the world, it belongs to."""
    text = inspect.getdoc(EVENTS[name])
    assert text is not None
    owners = re.split(r", | and ", text.partition(":")[0])
    told = {s.module for s in SUBJECTS for action in s.actions if action.event == name}
    modules = {s.module for s in SUBJECTS}
    for owner in owners:
        assert owner in told or owner not in modules, f"{owner} has no action for {name}"
    assert told or name in NO_ACTION, f"no module knows {name}"
    assert not (told and name in NO_ACTION)
