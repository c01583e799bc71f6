"""People, how they sign in, what they may, and the tokens that act for them."""
