"""Floor 0: what is written down. Frozen, hashable, plain data in and out; never torch.

canonical.py     one value, one text, one hash
direction.py     one vector in parameter space, as where it comes from
paths.py         directions with an end: checkpoints, adapters, rounding, saved tensors        labelled.py
point.py         a finite sum of steps along directions; the empty one is the model itself
model.py         what a model is
task.py          what a task is
scan_spec.py     what is asked of a scan
fraction_spec.py a claim about most directions, before its draws
subspace.py      where a certificate's noise lives, and noise and places there
certificate_spec.py   a certificate, before its draws         generalisation_spec.py
search_spec.py   what is asked of a search for a worst direction
batch_rule.py    how many answers are written together, and at a time
rules.py         which values the numbers of a question may have
input_spec.py    a certificate about changed inputs, before its draws        input_draw.py, input_draws.py
cell.py          one point × one task × one block of examples, all outcomes kept
store.py         the law of a store                        store_law.py
successes.py     the successes of a task's first examples at a point
sqlite_store.py  a run in a folder                         run_database.py, run_lock.py, file_system.py, plain_file.py
memory_store.py  a run in memory
run_folder.py    everything that can lie in a run folder        draw_log.py (of earlier versions)
own_file.py      files that are a folder's own                  foreign.py
sealed.py        plain data that carries its own hash
"""
