"""One result, four views; what is written can be read."""

import json
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from conformance import expectations, results
from conformance.report import junit, terminal
from conformance.report.html import hexdump, render
from conformance.results import RunResult
from conformance.verdict import ExitCode, Verdict
from conformance.wire import Wire
from refimpl.model.override import override
from tests.conformance.fake_target import FakeTarget
from tests.conformance.scenarios import judge, make, send_and_count

SCRIPT = "<script>alert(1)</script>\x01"


def fails(w: Wire) -> None:
    topic = w.create_topic(queues=1)
    w.send(topic, SCRIPT.encode())
    w.fail(f"told {SCRIPT}")


@pytest.fixture(scope="module")
def run() -> RunResult:
    cases = [make(send_and_count), make(fails, identifier="BROKER-TRIAL-2/fails")]
    return RunResult((judge(FakeTarget(), *cases),))


def test_a_result_file_is_read_back_as_it_was(run: RunResult, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "result.json"
    results.write(run, path)
    again = results.read(path)
    assert again.to_json() == run.to_json()
    assert again.exit_code() is ExitCode.VIOLATION


def test_a_result_file_that_does_not_fit_is_refused(run: RunResult, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    text = json.dumps(run.to_json()).replace('"verdict": "fail"', '"verdict": "so-so"')
    path.write_text(text, "utf-8")
    with pytest.raises(results.BadResultFile, match="so-so"):
        results.read(path)


def test_what_failed_can_be_judged_again(run: RunResult, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    results.write(run, path)
    assert results.failed(path) == {"BROKER-TRIAL-2/fails"}


def test_merging_keeps_the_last_of_a_name(run: RunResult) -> None:
    merged = results.merge([run, RunResult((judge(FakeTarget(), make(send_and_count)),))])
    assert [len(target.cases) for target in merged.targets] == [1]


def test_failures_carry_both_forms_of_the_exchange(run: RunResult) -> None:
    passed, failed = run.targets[0].cases
    assert (passed.verdict, passed.exchange) == (Verdict.PASS, ())
    sent = failed.exchange[2]
    assert isinstance(sent, dict)
    decoded = sent["decoded"]
    assert isinstance(decoded, dict)
    assert (sent["direction"], decoded["code"]) == (">", "10 SEND_MESSAGE")
    assert len(bytes.fromhex(str(sent["hex"]))) == sent["size"]


def test_junit_is_xml_with_the_counts(run: RunResult) -> None:
    suite = ET.fromstring(junit.render(run))[0]  # noqa: S314 - our own document
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "told <script>" in str(failure.get("message"))


class Tags(HTMLParser):
    """Collects start tags and their addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_is_self_contained_and_escapes(run: RunResult) -> None:
    page = render(run, {})
    assert SCRIPT not in page
    assert "BROKER-TRIAL-2/fails" in page
    parser = Tags()
    parser.feed(page)
    assert sum(tag == "script" for tag, _ in parser.tags) == 1
    for tag, attributes in parser.tags:
        assert tag not in {"link", "img", "iframe"}
        assert "src" not in attributes
        assert str(attributes.get("href", "#")).startswith(("#", "https://"))


def test_the_page_links_only_to_what_it_has(run: RunResult) -> None:
    parser = Tags()
    parser.feed(render(run, {}))
    anchors = {attributes.get("id") for _, attributes in parser.tags}
    links = [str(a["href"])[1:] for t, a in parser.tags if t == "a" and a["href"]]
    assert links
    assert set(links) <= anchors


def test_hexdump_has_three_columns() -> None:
    assert hexdump(b"AB\x00".hex()) == f"000000  {'41 42 00'.ljust(47)}  AB."
    assert len(hexdump(bytes(17).hex()).splitlines()) == 2


def test_the_terminal_names_the_failure_and_how_to_repeat_it(run: RunResult) -> None:
    sink = StringIO()
    terminal.show(run, Console(file=sink, width=120))
    text = sink.getvalue()
    assert "--case BROKER-TRIAL-2/fails" in text
    assert "rmqref conformance explain BROKER-TRIAL-1" in text


def test_expectations_are_filed_unsettled_and_dropped_when_they_pass(tmp_path: Path) -> None:
    new, gone = expectations.update("t", failed={"A-1/x": "told"}, passed=[], folder=tmp_path)
    assert (new, gone) == (1, 0)
    entry = expectations.load("t", tmp_path)["A-1/x"]
    assert (entry.settled, entry.reason) == (False, "told")
    assert expectations.update("t", failed={}, passed=["A-1/x"], folder=tmp_path) == (0, 1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "- {case: A-1/x}",
        "- {case: A-1/x, settled: true, reason: r, link: '', source: ''}",
        "- &e {case: A-1/x, settled: false, reason: r, link: '', source: ''}\n- *e",
    ],
)
def test_expectations_without_evidence_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.yaml").write_text(text, "utf-8")
    with pytest.raises(expectations.BadExpectations, match=r"t\.yaml"):
        expectations.load("t", tmp_path)
