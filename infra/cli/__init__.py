"""The `parley` command: each program by itself, the stack on one machine, the sample meeting."""
