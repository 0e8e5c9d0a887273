"""A mismatch for people: the request, both answers, the command that repeats it."""

from conformance.recording import code_name
from fuzz.differential.play import Mismatch
from fuzz.differential.step import TOKEN, TOKENS, Sequence, Step

_SHOWN = 600


def show(mismatch: Mismatch, sequence: Sequence, command: str) -> str:
    """All of it, over some lines."""
    lines = [f"--- {command}"]
    lines += [
        f"    before: {_request(step)}" for step in sequence.steps if step is not mismatch.step
    ]
    if mismatch.step is None:
        lines.append("  unasked for")
    else:
        lines.append(f"  request {_request(mismatch.step)}")
    for one in mismatch.differences[:12]:
        lines.append(f"    {one.path}")
        lines.append(f"      left  {_short(one.left)}")
        lines.append(f"      right {_short(one.right)}")
    if mismatch.step is not None:
        lines.append(f"  left  {_short(mismatch.left)}")
        lines.append(f"  right {_short(mismatch.right)}")
    return "\n".join(lines)


def signature(mismatch: Mismatch) -> str:
    """One line that mismatches of one cause mostly share."""
    first = mismatch.differences[0]
    code = "unasked" if mismatch.step is None else str(mismatch.step.code)
    line = f"{code} {first.path} {str(first.left)[:60]!r} / {str(first.right)[:60]!r}"
    return TOKENS.sub(TOKEN, line)


def _request(step: Step) -> str:
    name = f"{step.code} {code_name(step.code, response=False)}"
    parts = [f"#{step.label} {name} {step.port.value}/{step.connection} {step.serialize.name}"]
    if step.raw is not None:
        parts.append(f"raw={step.raw[:300]!r}")
    else:
        parts.append(f"ext={_short(step.ext)}")
        if step.body:
            parts.append(f"body={_short(step.body)}")
    if step.oneway:
        parts.append("one-way")
    if step.version is not None:
        parts.append(f"version={step.version}")
    if step.note:
        parts.append(f"({step.note})")
    return " ".join(parts)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)})"
