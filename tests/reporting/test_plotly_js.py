import importlib.resources

import pytest

from corrie.errors import InputError
from corrie.reporting.plotly_js import plotly_js


def test_it_is_the_library_and_may_stand_in_a_script_element() -> None:
    text = plotly_js()
    assert "plotly.js" in text[:100]
    assert "</script" not in text
    assert "<!--" not in text
    assert "\r" not in text


def test_without_plotly_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib.resources, "files", gone)
    with pytest.raises(InputError, match=r"pip install 'corrie\[report\]'"):
        plotly_js()
