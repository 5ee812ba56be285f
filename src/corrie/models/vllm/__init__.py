"""A second copy of a model that vLLM holds and writes with, moved along with the first.

here.py      which vLLM is installed, and by which arithmetic it would write
serving.py   which models it serves, and what else is refused
room.py      what its copy and its keys and values take
copy.py      the copy: laid down, asked to write, put back and compared
worker.py    what is done inside of vLLM
reader.py    a point's reader: vLLM writes, the first copy reads

Why this shape: ``docs/vllm.md``.
"""
