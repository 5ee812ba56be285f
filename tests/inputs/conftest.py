"""A toy model and short questions of three own tokens each, which can be enumerated."""

from __future__ import annotations

import pytest

from corrie.capabilities.choice import ChoiceTask
from corrie.models.model import Model
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import short_choice


@pytest.fixture(scope="session")
def model() -> Model:
    return toy_model()


@pytest.fixture(scope="session")
def task(model: Model) -> ChoiceTask:
    return short_choice(model)
