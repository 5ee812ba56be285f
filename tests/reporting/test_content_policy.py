import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from corrie.reporting.content_policy import content_policy, json_for_script
from corrie.testing.cliff_run import HOSTILE


@settings(max_examples=40, deadline=None)
@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner)))
def test_nothing_in_it_can_end_the_element_or_a_line(value) -> None:
    text = json_for_script(value)
    assert json.loads(text) == value
    assert not re.search("[<>&\u2028\u2029]", text)


def test_hostile_text_comes_back_as_it_was() -> None:
    assert json.loads(json_for_script(HOSTILE)) == list(HOSTILE)


def test_only_listed_scripts_run_and_nothing_is_fetched() -> None:
    rules = dict(rule.split(" ", 1) for rule in content_policy(["a()", "b()"]).split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].count("'sha256-") == 2
    assert "unsafe" not in rules["script-src"]
    assert rules["img-src"] == "data: blob:"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
