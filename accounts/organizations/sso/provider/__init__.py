"""An organisation's provider: what it says of itself, its keys, and what it gives for a code. All of it blocks, none of
it is called in a transaction, and nothing of what it answers goes into a log or a problem.
"""
