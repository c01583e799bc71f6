"""Watching over what is published: what can be seen, what is judged of it, and what people are told.

Reading is behind ports, judging is pure: `checks.examine` turns what was `seen` into results.
"""
