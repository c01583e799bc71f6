"""How a server is changed: one file per kind of thing that can be changed."""
