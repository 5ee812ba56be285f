import pytest

from corrie.capabilities.suite import DEFAULT_SUITE, SUITE, find_row
from corrie.errors import UnknownName
from corrie.sources.manifest import find_package


def test_one_row_each() -> None:
    assert len({row.name for row in SUITE}) == len(SUITE)
    assert {row.capability for row in SUITE} == {
        "language",
        "knowledge",
        "math",
        "code",
        "reasoning",
        "safety",
        "instructions",
    }


def test_the_default_suite_has_one_task_for_each_capability_named_after_it() -> None:
    assert [find_row(name).capability for name in DEFAULT_SUITE] == list(DEFAULT_SUITE)
    assert set(DEFAULT_SUITE) == {row.capability for row in SUITE} - {"instructions"}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("language", "lambada/bpb_0shot"),
        ("knowledge", "basic_skills_common_knowledge/rc_5shot"),
        ("math", "basic_skills_arithmetic/rc_5shot"),
        ("code", "basic_skills_coding/rc_5shot"),
        ("reasoning", "basic_skills_logical_reasoning/rc_5shot"),
    ],
)
def test_names_that_others_rely_on(name: str, source: str) -> None:
    assert find_row(name).source == source


def test_every_file_is_pinned() -> None:
    for row in SUITE:
        assert find_package(row.package).file(row.path).licence


def test_what_is_written_says_how() -> None:
    assert all((row.writing is not None) == (row.kind in ("generate", "mmlu", "solve")) for row in SUITE)


def test_unknown() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'gsm8k'"):
        find_row("gsm8")
