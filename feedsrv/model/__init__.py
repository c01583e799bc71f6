"""The words of the trade: frozen, right from birth, no IO, standard library only."""
