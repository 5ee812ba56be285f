import pytest

from corrie.analysis.csv_cell import csv_read, csv_text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=1", "''-", "'twas", "", "plain", "a=b"])
def test_texts_come_back_and_none_begins_a_formula(text: str) -> None:
    cell = csv_text(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert csv_read(cell) == text
