"""JUnit XML, as continuous integration servers read it: a suite per target."""

from pathlib import Path
from xml.etree import ElementTree as ET

from conformance.results import CaseResult, RunResult, TargetResult
from conformance.verdict import Verdict


def write(run: RunResult, path: Path) -> None:
    """Write the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(render(run))


def render(run: RunResult) -> bytes:
    """The document."""
    root = ET.Element("testsuites", name="rocketmq conformance")
    for target in run.targets:
        root.append(_suite(target))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _suite(target: TargetResult) -> ET.Element:
    counts = target.count()
    failures = counts[Verdict.FAIL] + counts[Verdict.UNEXPECTED_PASS]
    skipped = counts[Verdict.UNSUPPORTED] + counts[Verdict.EXPECTED_FAIL]
    suite = ET.Element(
        "testsuite",
        name=f"{target.target} ({target.release})",
        tests=str(len(target.cases) + bool(target.skipped or target.aborted)),
        failures=str(failures),
        errors=str(counts[Verdict.ERROR] + bool(target.aborted)),
        skipped=str(skipped + bool(target.skipped)),
        time=f"{target.milliseconds / 1000:.3f}",
    )
    if target.skipped or target.aborted:
        case = ET.SubElement(suite, "testcase", classname=target.target, name="start")
        kind = "skipped" if target.skipped else "error"
        ET.SubElement(case, kind, message=_legal(target.skipped or target.aborted))
    for result in target.cases:
        suite.append(_case(target, result))
    return suite


def _case(target: TargetResult, result: CaseResult) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=f"{target.target}.{result.area}",
        name=result.case,
        time=f"{result.milliseconds / 1000:.3f}",
    )
    message = _legal(result.message)
    match result.verdict:
        case Verdict.FAIL | Verdict.UNEXPECTED_PASS:
            failure = ET.SubElement(case, "failure", message=message, type=result.verdict.value)
            failure.text = _legal(f"{result.title}\nrules: {', '.join(result.rules)}\n{message}")
        case Verdict.ERROR:
            ET.SubElement(case, "error", message=message)
        case Verdict.UNSUPPORTED:
            ET.SubElement(case, "skipped", message=f"unsupported: {message}")
        case Verdict.EXPECTED_FAIL:
            ET.SubElement(case, "skipped", message=_legal(f"expected to fail: {result.reason}"))
        case Verdict.PASS:
            pass
    return case


def _legal(text: str) -> str:
    """XML has no way to write most control characters."""
    return "".join(c if c in "\t\n\r" or c.isprintable() else "\ufffd" for c in text)
