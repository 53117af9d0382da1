"""The control loop: sense, compare, decide one move, act, write it down. Pure rules first; what acts stands in thin shells."""
