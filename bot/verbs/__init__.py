"""The loop's verbs from the shell: their grammar, and two ways to have one carried out. A verb beside a running service imports
neither the pipeline nor the database's models: agents call verbs in loops."""
