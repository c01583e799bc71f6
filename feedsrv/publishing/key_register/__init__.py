"""A key's life, as an administrator knows it from a certificate snap-in.

`register.KeyDesk` has one method for each verb. Private keys stay where they live; kept here is where
that is, what they are for, and how far they have come.
"""
