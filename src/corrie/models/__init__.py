"""Floor 2: how weights load and speak. (Importing this loads no torch; ``load`` and ``reader`` do.)

load.py        a model by name, folder or file        checkpoint.py, gguf.py, device.py
model.py       module, tokenizer, what moves, identity
reading.py     what is asked and what is said: the values, and the Reader protocol
reader.py      the reader of a model's present weights
encoding.py    questions as token ids
packed.py      the fast engine: a block of questions as one tree of tokens      trie.py, head.py
plain.py       the slow engine: every sequence alone
greedy.py      greedy generation                                                stops.py
rows.py        a reader for each row of a batch whose rows stand at places of their own
likelihood.py  from logits to scores
write.py       a moved model as a folder              unfinished.py
"""

from corrie.models.reading import Question, Reader, Reading, Writing

__all__ = ["Question", "Reader", "Reading", "Writing"]
