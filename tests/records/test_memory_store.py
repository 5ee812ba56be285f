from corrie.records.memory_store import MemoryStore
from corrie.testing.check_store import check_store


def test_it_obeys_the_law() -> None:
    assert len(check_store(MemoryStore)) > 15
