"""How the tiny model of these tests was made. It needs torch, which nothing else here does."""
