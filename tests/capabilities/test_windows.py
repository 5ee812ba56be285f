import pytest

from corrie.capabilities.windows import WINDOW_BYTES, last_window, windows

TEXTS = {
    "prose": "It was the best of times, it was the worst of times, it was the age of wisdom.\n\n" * 9,
    "no spaces": "x" * 1000,
    "chinese": "没有空格的文字" * 40,
    "blanks": ("a" + " " * 150) * 20 + "words " * 100,
    "mixed": "naïve 🙂 façade " * 60,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_windows_are_pieces_of_the_text_in_its_order(text: str) -> None:
    found, place = list(windows(text)), 0
    assert found
    for window in found:
        assert WINDOW_BYTES // 2 <= len(window.encode()) <= WINDOW_BYTES
        place = text.index(window, place) + len(window)


def test_words_stay_whole() -> None:
    text = TEXTS["prose"]
    assert " ".join(windows(text)).split() == text.split()[: len(" ".join(windows(text)).split())]


@pytest.mark.parametrize("text", ["", "   \n", "a short one", "x" * (WINDOW_BYTES - 1)])
def test_a_text_shorter_than_a_window_has_none(text: str) -> None:
    assert list(windows(text)) == []


@pytest.mark.parametrize("text", [*TEXTS.values(), "short"])
def test_the_last_window_is_the_end(text: str) -> None:
    found = last_window(text)
    assert text.strip().endswith(found)
    assert 0 < len(found.encode()) <= WINDOW_BYTES
