from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from corrie.reporting.markup import Markup, join, tag


class Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, element, attributes) -> None:
        self.elements.append((element, dict(attributes)))

    def handle_data(self, data) -> None:
        self.text += data


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc"))))
def test_whatever_is_said_comes_back_as_text_and_makes_no_element(said: str) -> None:
    seen = Seen(tag("p", said, tag("b", said), title=said))
    assert seen.elements == [("p", {"title": said}), ("b", {})]
    assert seen.text == said * 2


def test_markup_is_not_escaped_twice_and_void_elements_have_no_end() -> None:
    assert join(tag("i", "<"), Markup("<br>"), ">") == "<i>&lt;</i><br>&gt;"
    assert tag("meta", name="x", http_equiv="y") == '<meta name="x" http-equiv="y">'
