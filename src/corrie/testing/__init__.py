"""For tests of corrie and of what is built on it.

toy_models.py   tiny models of real architectures
toy_gguf.py     one of them as a GGUF file
toy_tasks.py    tasks they master, so that they have basins
cliff_run.py    a whole run of a known shape, without a model
landscapes.py   basins whose radius is known in closed form
worlds.py       more of them: early kinds of directions and examples, flips that cancel, few examples
flips.py        scores before and after a change of a known loss
simple_plan.py  a whole adaptive scan in one of these worlds
check_task.py, check_store.py   does yours obey the law?
"""
