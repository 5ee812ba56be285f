"""Plans: pure functions (spec, cells so far) → next cells.

line.py       every direction at every step size
plane.py      the plane of two directions, point by point
auto.py       find the radii, to a precision; pursuit.py: one task's part of it
edges.py      find the edges: a grid around them
fraction.py   draws of a claim about most directions
inward.py     from the end of a path by halves, until everything is kept
retract.py    the largest step along a path at which everything is kept
sharded.py    one shard's share of a plan that is fixed beforehand
telling.py    another plan's work, most telling point first
retained.py   what an adaptive plan looks at
"""
