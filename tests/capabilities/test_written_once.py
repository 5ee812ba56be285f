import gc
import weakref

from corrie.capabilities import written_once
from corrie.capabilities.examples import Request
from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.written_once import write_once


def test_two_rules_judge_one_writing(scripted, writing) -> None:
    reader = scripted(writings={"2 + 2 =": writing("4. So the answer is 4, I say: 5")})
    sums = [Request("a", "2 + 2 =", "4")]
    about = {"capability": "math", "source": "a test", "max_tokens": 30}
    strict = GenerateTask("strict", sums, check="gsm8k-strict", **about)
    flexible = GenerateTask("flexible", sums, check="gsm8k-flexible", **about)
    assert [t.score(reader, 0, 1)[0].success for t in (strict, flexible)] == [1.0, 0.0]
    assert reader.limits == [30]


def test_another_batch_or_limit_is_written_anew(scripted, writing) -> None:
    reader = scripted(writings={"a": writing("x"), "b": writing("y")})
    for prompts, limit in ((["a"], 3), (["a", "b"], 3), (["a"], 4), (["a"], 3)):
        assert len(write_once(reader, prompts, limit)) == len(prompts)
    assert reader.limits == [3, 3, 4]


def test_what_was_written_goes_with_its_reader(scripted, writing) -> None:
    reader = scripted(writings={"a": writing("x")})
    write_once(reader, ["a"], 3)
    gone = weakref.ref(reader)
    before = len(written_once._written)
    del reader
    gc.collect()
    assert gone() is None
    assert len(written_once._written) == before - 1
