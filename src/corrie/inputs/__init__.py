"""Floor 3: input changes as weight changes, and how much of an input may be changed.

equivalence.py      in a linear layer: which weight change does the same, and back     first_layer.py
embedding_rows.py   in a transformer: changed embedding vectors are changed rows       untied.py
replacement.py      replaced tokens as a shift of Gaussian noise, where they are one
text_change.py      one text against another: all of the above, on a loaded model

token_noise.py, embedding_noise.py   a noised prompt as token ids
prompts.py          which tokens of a task's prompts may be attacked
noised_reader.py    a model that reads noised prompts
mask_token.py, nearest_token.py      what masks a token, how far the next one is
"""
