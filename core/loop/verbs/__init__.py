"""The verbs of the loop, whoever uses them: the shell, a root agent, a worker, a person in chat. Each is carried out by the one process
that owns the home."""
