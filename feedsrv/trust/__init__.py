"""Proof for whoever receives a document. No private key ever enters, and nothing here does IO.

The only ways to words are `opening.open_feed` and `opening.open_mitigation`; `verifying.verify_document`
says by whom a document was signed. `profile` is what certificates must look like, `refusals` every way
to be refused.
"""
