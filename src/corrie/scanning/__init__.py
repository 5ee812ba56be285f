"""Floor 3: the scan. plan → missing cells → executor → store, in one loop.

scan.py        model, tasks and spec that fit each other
fraction_scan.py   model, tasks and a claim about most directions
certificate_scan.py  model, tasks, a subspace and a certificate     subspace_executor.py, choosing_sigma.py
protecting.py  a protected subspace, and what it is aimed by    later_examples.py
generalisation_scan.py   a fine-tune's smoothed model on new examples
input_trial.py  noise on a task's prompts, and a certificate about changed ones     input_executor.py
plane_axes.py  how far a plane's second axis goes
search.py      the worst direction of a task's loss, found once and kept
fine_tune_scan.py  a fine-tune's path, the basin around its base, the worst case    worst_search.py
retraction_scan.py how far back along the path until everything named is kept
presence.py    whether a model has what it is to keep
work.py        what is to be done at a point, what is known, what a plan is
plans/         which cells come next
executor.py    who scores          executors.py, ray_executor.py, vllm_executor.py
loop.py        the loop
watch.py       who is notified
provenance.py  with what it was made
"""
