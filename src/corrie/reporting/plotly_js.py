"""The drawing library that a report carries inside itself."""

from __future__ import annotations

from importlib import resources

from corrie.errors import InputError


def plotly_js() -> str:
    """Plotly.js as the installed ``plotly`` package ships it, for a page that loads nothing.

    Raises:
        InputError: the package is not installed.
    """
    try:
        text = resources.files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        raise InputError(
            "an HTML report", found="plotly is not installed", advice="pip install 'corrie[report]'"
        ) from None
    # As inline script its text must not hold the end of a script element; in a string or a regular expression
    # the backslash changes nothing.
    return text.replace("\r\n", "\n").replace("</script", "<\\/script")
