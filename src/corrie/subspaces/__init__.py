"""Floor 2: where a certificate's noise lives, a few coordinates of a model's weights. (Importing this loads no torch.)

    x ∈ R^k  ↦  θ0 + L x,        L linear and fixed,        noise on x ~ N(0, σ²I_k),        distance ‖x' − x‖₂

Its records, without tensors, are :mod:`corrie.records.subspace`; the proofs are in ``design/subspace-certificates.md``.

space.py            what every subspace is: coordinates in, weights or rows of a batch out; lattice, draw, length
written_space.py    reached by writing the weights: all of them, a span of given changes, random directions
row_space.py        reached by adding to a batch's passes: low-rank changes of layers    row_layers.py, rows_agree.py
protected.py        frozen matrices that the protected capabilities hardly excite
find.py             a model's subspace as it is asked for        stand.py    where a fine-tune stands in one
certified.py        the model and the subspace of a certificate, found again             certified_tuned.py
smoothed.py         the model that a certificate speaks of       drawn_adapters.py, written_adapter.py, pulling_back.py
"""
