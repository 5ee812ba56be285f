"""The page's structure, and that nothing a model or a user wrote can become part of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from corrie.errors import InputError, RunError
from corrie.records.memory_store import MemoryStore
from corrie.records.scan_spec import AlphaGrid
from corrie.reporting.html import write_report
from corrie.testing.cliff_run import HOSTILE, KINDS, SAFETY, Kind, cliff_run, identity

UNABLE = Kind("chess", 0.01, 0.2, 0.2, "choice", 2.0)
OURS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "script",
        "body",
        "header",
        "nav",
        "main",
        "section",
        "article",
        "footer",
    ),
    *("h1", "h2", "h3", "h4", "p", "b", "a", "code", "span", "div", "figure", "figcaption", "noscript", "br"),
    *("ul", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td"),
}


class Page(HTMLParser):
    """What a browser would make of the file: elements, their attributes, scripts, text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""
        self._inside: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, element, attributes) -> None:
        self.elements.append((element, dict(attributes)))
        self._inside = element
        if element == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_endtag(self, element) -> None:
        self._inside = None

    def handle_data(self, data) -> None:
        if self._inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self._inside != "style":
            self.text += data

    def handle_comment(self, data) -> None:
        raise AssertionError(f"a comment: {data[:80]}")

    @property
    def data(self) -> dict:
        (text,) = (text for attributes, text in self.scripts if attributes.get("type") == "application/json")
        return json.loads(text)

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(element, tuple(attributes)) for element, attributes in self.elements]


def page_of(tmp_path: Path, *runs, **options) -> Page:
    return Page(write_report(runs, tmp_path / "report.html", **options).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    store = cliff_run(kinds=(*KINDS, SAFETY, UNABLE), directions=4, examples=40)
    return page_of(tmp_path_factory.mktemp("report"), store, command="corrie report <RUN> --out x.html")


def test_the_answer_comes_first_then_every_part(page: Page) -> None:
    assert "How far can toy be moved?" in page.text[:200]
    order = [
        "Under random noise on every weight, the intervals do not tell",
        "holds up to σ =",
        "Indicative only: 4 directions × 40 examples",
        "dequantised 4-bit values",
        "The basins, nested",
        "Capability by capability",
        "In numbers",
        "At other shares, and single answers",
        "What the model itself says",
        "Did the weights move as asked?",
        "How to read this",
        "Provenance",
        "5eed" * 16,
        "corrie scan toy",
        "ab" * 32,
        "corrie report <RUN> --out x.html",
    ]
    places = [page.text.index(part) for part in order]
    assert places == sorted(places)
    assert page.text.count("no such capability") == 1
    assert "cannot be told from chance" in page.text


def test_every_capability_has_its_figures(page: Page) -> None:
    plots = [a for e, a in page.elements if e == "div" and (a.get("class") or "").startswith("plot")]
    assert all(a["role"] == "img" and a["aria-label"] for a in plots)
    found = [(a["data-figure"], a.get("data-task")) for a in plots]
    expected = [("basins", None)]
    for i, kind in enumerate((*KINDS, SAFETY, UNABLE)):
        expected += [("score", str(i)), ("loss", str(i))]
        expected += [("composition", str(i))] if kind.scoring == "generation" else []
    assert found == [*expected, ("cosine", None), ("ratio", None)]
    assert [task["name"] for task in page.data["runs"][0]["tasks"]] == [k.capability for k in (*KINDS, SAFETY, UNABLE)]


def test_only_our_own_elements_and_no_handlers(page: Page) -> None:
    assert {element for element, _ in page.elements} <= OURS
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes)


def test_the_policy_lists_exactly_the_scripts_that_run(page: Page) -> None:
    (policy,) = (a["content"] for e, a in page.elements if e == "meta" and a.get("http-equiv"))
    assert policy is not None
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    running = [text for attributes, text in page.scripts if attributes.get("type") != "application/json"]
    assert len(running) == 2
    assert allowed == [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in running]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy.split("script-src")[1].split(";")[0]


def test_the_policy_stands_before_anything_it_governs(page: Page) -> None:
    names = [element for element, _ in page.elements]
    policy = next(i for i, (e, a) in enumerate(page.elements) if e == "meta" and a.get("http-equiv"))
    assert policy < names.index("style") < names.index("script")
    assert page.elements[names.index("meta")][1] == {"charset": "utf-8"}


def test_nothing_is_loaded_from_anywhere(page: Page) -> None:
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert (attributes.get(name) or "#").startswith("#")
    ours = page.scripts[-1][1]
    assert not re.search(r"https?:|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|fetch\(", ours)


def test_hostile_answers_arrive_as_they_were_and_only_as_data(page: Page) -> None:
    (math,) = (task for task in page.data["runs"][0]["answers"] if task["task"] == "math")
    said = {entry[2] for example in math["examples"] for line in example["lines"] for entry in line}
    assert said & set(HOSTILE)
    assert "onerror" not in page.text


def test_sensitive_texts_stay_out_unless_asked_for(tmp_path: Path) -> None:
    store = cliff_run(kinds=(SAFETY,), directions=1, examples=20)
    kept = write_report([store], tmp_path / "a.html").read_text(encoding="utf-8")
    shown = write_report([store], tmp_path / "b.html", show_sensitive=True).read_text(encoding="utf-8")
    for said in (r"I cannot help with that\.", r"What is \d+ \+"):
        assert not re.search(said, kept)
        assert re.search(said, shown)


def test_hostile_names_change_no_element(tmp_path: Path) -> None:
    """The same run under harmless and under hostile names has the same structure."""

    def run(evil: str) -> MemoryStore:
        model = identity().model.model_copy(
            update={"name": f"m{evil}", "notes": (f"n{evil}",), "architecture": f"a{evil}"}
        )
        store = MemoryStore(identity().model_copy(update={"model": model}))
        kinds = (KINDS[1]._replace(capability=f"k{evil}"), KINDS[2]._replace(capability=f"g{evil}"))
        cliff_run(store, directions=2, examples=20, kinds=kinds, alphas=AlphaGrid.parse("0.002:0.02:4"))
        store.record_spec(store.specs()[0][0].model_copy(update={"retention": 0.9}), {f"why{evil}": f"because{evil}"})
        return store

    harmless = page_of(tmp_path, run("plain"), run("plain"), command="c")
    hostile = page_of(tmp_path, run(HOSTILE[0] + "\"'><" + HOSTILE[1]), run(HOSTILE[2]), command=f"c{HOSTILE[0]}")
    assert hostile.shape == harmless.shape
    assert HOSTILE[0] in hostile.text
    assert hostile.data["runs"][0]["tasks"][0]["name"].endswith(HOSTILE[1])


def test_several_runs_have_a_section_each_and_a_way_there(tmp_path: Path) -> None:
    stores = [cliff_run(directions=2, examples=10, kinds=KINDS[:n]) for n in (1, 2)]
    page = page_of(tmp_path, *stores)
    assert [a["id"] for e, a in page.elements if e == "section"] == ["run-0", "run-1"]
    assert [a["href"] for e, a in page.elements if e == "a"] == ["#run-0", "#run-1"]
    assert [len(run["tasks"]) for run in page.data["runs"]] == [1, 2]
    assert {a["data-run"] for _, a in page.elements if "data-run" in a} == {"0", "1"}


def test_a_run_that_has_only_begun_can_be_reported(tmp_path: Path) -> None:
    store = cliff_run(directions=2, examples=10, kinds=KINDS[:1], alphas=AlphaGrid.parse("0"))
    page = page_of(tmp_path, store)
    assert "No basin could be measured yet." in page.text
    assert "not measured yet" in page.text


def test_refusals_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run to report on"):
        write_report([], tmp_path / "x.html")
    with pytest.raises(RunError):
        write_report([tmp_path / "none"], tmp_path / "x.html")
    with pytest.raises(InputError, match="retention"):
        write_report([cliff_run(directions=2, examples=10, kinds=KINDS[:1])], tmp_path / "x.html", retention=5)
    assert list(tmp_path.iterdir()) == []
