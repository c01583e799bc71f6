"""Authoring, review and publication: the first of the two trades of the house."""
