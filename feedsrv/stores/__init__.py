"""Where things are kept; one file per place. Nothing is imported here, so that the shelf needs no database."""
