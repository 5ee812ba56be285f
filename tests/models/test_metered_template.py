import pytest

from corrie.models.metered_template import SIZE, MeteredEnvironment, TooMuchWork

NUMBERED = "{% set ns = namespace(s='ab') %}{% for i in range(100) %}"
ENDLESS = {
    "a power": "{{ 9**(9**9) }}",
    "a product": "{{ 10**1000 * 10**1000 }}",
    "a folded power": "{{ -(9**(9**9)) }}",
    "a range": "{% for i in range(10**9) %}x{% endfor %}",
    "two loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "a loop's filter": "{% for a in range(9999) %}{% for i in range(9999) if i > 99999 %}{% endfor %}{% endfor %}",
    "a recursive loop": "{% for i in range(9999) recursive %}{{ loop(range(9999)) }}{% endfor %}",
    "loops over text": "{% for i in 'a' * 99999 %}{% for j in 'a' * 99999 %}a{% endfor %}{% endfor %}",
    "macros": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(30) }}",
    "a repeated text": "{{ 'a' * 10**10 }}",
    "a repeated list": "{{ [0] * 10**10 }}",
    "a doubled text": NUMBERED + "{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "an added text": NUMBERED + "{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "a doubled list": NUMBERED + "{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
    "a doubled block": NUMBERED + "{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}",
    "a width": "{{ 'a'|center(10**10) }}",
    "a method's width": "{{ 'a'.ljust(10**10) }}",
    "tabs": "{{ ('\t' * 99999).expandtabs(99999) }}",
    "a percent format": "{{ '%9999999999d' % 1 }}",
    "a format filter": "{{ '%9999999999d'|format(1) }}",
    "a starred format": "{{ '%*d' % (9999999999, 1) }}",
    "a brace format": "{{ '{:>9999999999}'.format(1) }}",
    "a nested format": "{{ '{:>{}}'.format(1, 9999999999) }}",
    "replacing": "{{ ('a' * 99999)|replace('a', 'b' * 99999) }}",
    "a replacing method": "{{ ('a' * 99999).replace('a', 'b' * 99999) }}",
    "joining": "{{ range(99999)|list|join('a' * 99999) }}",
    "a joining method": "{{ ('a' * 99999).join(range(99999)|map('string')|list) }}",
    "a generator": "{{ ''.join(range(99999)|map('string')|map('center', 99999)) }}",
    "a filter's block": "{% filter center(99999999) %}a{% endfilter %}",
    "JSON": "{{ range(99999)|list|tojson(indent=99999) }}",
    "wrapping": "{{ ('ab' * 99999)|wordwrap(1, wrapstring='x' * 999) }}",
    "plain text": "{% for i in range(99999) %}" + "x" * 999 + "{% endfor %}",
}


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS.keys())
def test_what_has_no_end_is_refused(source: str) -> None:
    with pytest.raises(TooMuchWork):
        MeteredEnvironment().render(source)


def test_the_size_of_a_prompt_has_a_limit() -> None:
    environment = MeteredEnvironment()
    assert len(environment.render("{{ x }}", x="a" * SIZE)) == SIZE
    with pytest.raises(TooMuchWork):
        environment.render("{{ x }}b", x="a" * SIZE)


def test_one_rendering_does_not_pay_for_another() -> None:
    environment = MeteredEnvironment()
    work = "{% for i in range(60000) %}{% endfor %}x"
    assert [environment.render(work) for _ in range(4)] == ["x"] * 4
