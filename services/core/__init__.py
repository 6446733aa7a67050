"""The rules of the exchange: pure, synchronous, standard library only; time is an argument."""
