"""Proof by the publisher: signing documents, and the places where a key can live.

`documents.sign_document` signs; `backends.open_signer` finds the key by a URI; `development` makes a
PKI for trying things out; `crosscheck` judges the result by a second implementation.
"""
