"""The reference agent: fetches mitigations for one server, judges them, applies them and takes them back."""
