"""The doors of the house on the web. The public one is handed a shelf, and neither a key nor a database."""
