"""Where things are kept, one file per place; nothing is imported here, so the shelf needs no database."""
