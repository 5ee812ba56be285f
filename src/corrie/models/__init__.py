"""Floor 2: how weights load and speak."""

from corrie.models.load import from_module, load
from corrie.models.model import Model
from corrie.models.reading import Question, Reader, Reading, Writing

__all__ = ["Model", "Question", "Reader", "Reading", "Writing", "from_module", "load"]
