"""Floor 4: what a finished run means. Reads a store, loads no torch.

block.py       outcomes over two axes of places             steps.py
landscape.py   the run along lines                          plane.py: over two directions at once
curve.py       a task's mean curve, its band over directions fitted_curve.py: the fit's, and the points under it
basin.py       how far a capability reaches                 scored_blocks.py: what its curve is fitted to
basin_words.py how a basin is said
fraction_claim.py   what is said of most directions
certificate.py what is sure about every weight change       certified_score.py, evidence.py, verification.py
generalisation.py   what is said of new examples
input_certificate.py   what noise draws on prompts promise about every changed prompt
summary.py     all of it as plain data
fine_tune_diff.py   what a fine-tune did                     capability_diff.py, move.py, way_out.py, worst_compared.py
certified_move.py   what certificates say of it              certificates_at_hand.py
paired_verdict.py   kept, lost or undecided: the rule        kept_score.py
retraction.py  how far a fine-tune was pulled back
comparison.py  basins of several runs side by side           order.py: which capability goes first
export.py      CSV, Parquet, netCDF                          whole_file.py, whole_folder.py, partial.py
"""
