"""Signing in and out, and what keeps that from being abused. Who may do what is decided elsewhere."""
