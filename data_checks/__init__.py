"""Great Expectations suites, the gate and its Data Docs.

The only room that imports great_expectations, and only when a batch is judged:
importing it takes seconds.
"""
