"""Whatever is changed in a file that carries its own hash is found; what made it may change."""

import json

import pytest

from corrie.errors import RunError
from corrie.records.canonical import canonical_json, content_hash
from corrie.records.sealed import envelope, sealed, unsealed

CONTENT = {"a": 1, "b": [0.5, None], "digests": "no seal"}


def test_sealed_data() -> None:
    whole = sealed(CONTENT)
    assert whole == CONTENT | {"digest": content_hash(CONTENT)}
    assert unsealed(canonical_json(whole).encode(), "x") == whole
    for name in whole:
        with pytest.raises(RunError, match="x: its digest is another"):
            unsealed(canonical_json(whole | {name: 2}).encode(), "x")


def test_an_envelope() -> None:
    text = envelope("claim", CONTENT, {"date": "today"})
    assert unsealed(text.encode(), "x", "claim") == CONTENT
    whole = json.loads(text)
    assert unsealed(json.dumps(whole | {"provenance": {}}).encode(), "x", "claim") == CONTENT
    for changed in (whole | {"hash": "0" * 64}, whole | {"claim": CONTENT | {"a": 2}}):
        with pytest.raises(RunError, match="x: its hash is another"):
            unsealed(json.dumps(changed).encode(), "x", "claim")
