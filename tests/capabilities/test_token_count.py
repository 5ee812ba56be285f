from corrie.capabilities.token_count import count_tokens, prompts_of
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice, toy_writing


def test_what_is_written_counts_its_prompts_and_its_limit() -> None:
    encoder, task = toy_model().encoder, toy_writing(size=5)
    prompts = prompts_of(task, encoder, 3)
    count = count_tokens(task, encoder, 3)
    assert len(prompts.texts) == 3
    assert count.prompts == sum(len(encoder.prompt(text, prompts.templated, 1)) for text in prompts.texts)
    assert count.answers == 3 * count.longest > 0


def test_what_is_chosen_writes_nothing() -> None:
    count = count_tokens(toy_choice(), toy_model().encoder, 3)
    assert count.prompts > 0
    assert count.answers == count.longest == 0
