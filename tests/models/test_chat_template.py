import time

import pytest

from corrie.errors import TaskError
from corrie.models.chat_template import ChatTemplate, clock_note, clock_stands
from corrie.models.encoding import tokenizer_fingerprint
from corrie.testing.toy_models import CHAT_TEMPLATE, byte_tokenizer, toy_model

CHATML = (
    "{%- if messages[0]['role'] == 'system' %}{{- messages[0]['content'] }}{%- else %}\n"
    "{{- '<|im_start|>system\nYou are.<|im_end|>\n' }}{%- endif %}\n"
    "{%- for message in messages %}{%- if (message.role == 'user') or not loop.first %}\n"
    "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}{% endif %}{% endfor %}\n"
    "{%- if add_generation_prompt %}\n{{- '<|im_start|>assistant\n' }}{% endif %}"
)
COUNTING = (
    "{% set ns = namespace(n=0, s='') %}{% for m in messages if m.role == 'user' %}{% set ns.n = ns.n + 1 %}"
    "{% set ns.s = ns.s ~ m.content|trim %}{% endfor %}{{ ns.n }}{{ ns.s }}{{ messages|tojson }}"
    "{{ messages|selectattr('role', 'equalto', 'user')|list|length }}{{ tools is none }}{{ eos_token }}"
)
EVERYTHING = (
    "{% macro f(x, y='z') %}[{{ x|upper }}{{ y }}]{% endmacro %}{{ f(messages[0].content) }}"
    "{% generation %}abc{% endgeneration %}\n   {% set q %}  hi {{ messages[0].content[1:3] }}{% endset %}{{ q|trim }}"
    "{% for i in range(5) %}{% if i == 3 %}{% break %}{% endif %}{{ loop.index }}{% endfor %}"
    "{{ messages[0].content.split('a')[0].strip() }}{{ '%s-%d'|format('a', 3) }}{{ '{}'.format(4) }}{{ '-' * 20 }}"
    "{{ messages|map(attribute='content')|join(', ') }}{{ messages[-1].content|indent(2)|replace('a', 'b') }}"
    "{{ nothing }}{{ dict(a=1) }}{{ (messages[0].content|length) % 2 }}{{ 9**9 }}{{ [1, [2, 'x']] }}"
)


def template(source: object) -> ChatTemplate:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = source
    return ChatTemplate(tokenizer)


@pytest.mark.parametrize("source", [CHAT_TEMPLATE, CHATML, COUNTING, EVERYTHING, {"default": CHATML, "rag": "x"}])
@pytest.mark.parametrize("request_", ["hello, a banana\n x ", "é 日本 {{ 1 }}"])
def test_an_honest_template_gives_what_transformers_gives(source: object, request_: str) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = source
    turn = [{"role": "user", "content": request_}]
    wanted = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    assert ChatTemplate(tokenizer).prompt(request_) == wanted


REFUSED = {
    "wants a system turn": ("{{ raise_exception('A system message is needed') }}", "A system message is needed"),
    "no default": ({"rag": "x", "tool_use": "y"}, r"several chat templates \(rag, tool_use\)"),
    "broken": ("{% for m in messages %}{{ m['content'] }", "chat template fails"),
    "unknown": ("{{ messages[0]['name'].upper() }}", "no attribute 'name'"),
    "nothing": ("{# #}", "writes nothing"),
    "no text": (7, "is int, not text"),
    "another file": ("{% include 'x' %}", "no loader"),
    "an address": ("{{ messages[0].items }}", "address of the memory"),
    "chance": ("{{ [1, 2]|random }}", "draws at random"),
    "nested": ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "recursion"),
}


@pytest.mark.parametrize(("source", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_template_that_cannot_be_used_is_refused_in_a_sentence(source: object, words: str) -> None:
    with pytest.raises(TaskError, match=words) as error:
        template(source).prompt("hello")
    assert error.value.advice


def test_the_clock_stands_and_the_run_says_so() -> None:
    tokenizer = byte_tokenizer()
    plain = tokenizer_fingerprint(tokenizer)
    tokenizer.chat_template = "{{ strftime_now('%d %b %Y %H:%M:%S.%f') }}" + CHAT_TEMPLATE
    assert ChatTemplate(tokenizer).prompt("x") == "26 Jul 2024 00:00:00.000000<|user|>x<|end|><|assistant|>"
    assert clock_stands(tokenizer)
    assert clock_note(tokenizer) == ("the chat template writes the date; in every prompt it is 26 July 2024, 00:00",)
    assert tokenizer_fingerprint(tokenizer) != plain
    assert toy_model().identity.notes == ()


def test_a_template_that_looks_for_a_clock_finds_one() -> None:
    source = "{% if strftime_now is defined %}{% set d = strftime_now('%d %b %Y') %}{% endif %}{{ d or 'none' }}"
    assert template(source).prompt("x") == "26 Jul 2024"


def test_refusing_takes_no_time() -> None:
    started = time.process_time()
    with pytest.raises(TaskError, match="without end"):
        template("{{ 9**(9**9) }}").prompt("x")
    assert time.process_time() - started < 2
