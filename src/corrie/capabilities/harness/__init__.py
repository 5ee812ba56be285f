"""Tasks of lm-evaluation-harness by their own names: its documents, prompts, filters and metrics, read by corrie's
engines.

``lm_eval:gsm8k`` is a task of the installed harness, ``lm_eval:mmlu`` a group of them, ``lm_eval:PATH/task.yaml`` a
task of a user's own. The harness makes the documents and their requests (once a run), filters what the model answered
and judges it by its own metric; what lies between is a token tree or a batch of writings, as for every other task.
"""
