"""What keeps model text from doing anything in a report.

A report shows what a moved model wrote, which may be anything, also markup and scripts. Three walls stand one behind
the other: text reaches the page only as JSON in a script element that is never run, with every ``<`` escaped, so it
cannot end that element; our script puts it on the page with ``textContent`` only; and the page's content security
policy runs no script but those whose hashes it lists, and loads nothing from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any


def json_for_script(value: Any) -> str:
    """JSON that may stand in a ``<script type="application/json">`` element.

    >>> json_for_script("</script><!-- \u2028")
    '"\\\\u003c/script\\\\u003e\\\\u003c!-- \\\\u2028"'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def source_hash(text: str) -> str:
    """The hash by which a policy allows an inline script or style: of exactly the text between its tags.

    >>> source_hash("alert(1)")
    "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def content_policy(scripts: Iterable[str]) -> str:
    """A policy that runs these inline scripts and no other, and fetches nothing.

    Styles may be inline (Plotly writes them into its drawings); a style can neither run nor load anything here.
    Images may be ``data:`` and ``blob:``, for saving a drawing as a file.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src " + " ".join(source_hash(script) for script in scripts),
            "style-src 'unsafe-inline'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
