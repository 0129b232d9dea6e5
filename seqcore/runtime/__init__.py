"""What carries a task's answers beyond one process: many inputs over processes, machines and engines of others."""
