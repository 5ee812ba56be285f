"""What a person may ask, as frozen values without torch: a record for each kind, its fields terms that all kinds share.

term.py       one word: what its help says, which values it takes
question.py   the base: every term is checked as the question is made, before anything is loaded
terms.py      the terms that several kinds share
…             a file for each kind; its defaults are those of the verb and of the command
"""
