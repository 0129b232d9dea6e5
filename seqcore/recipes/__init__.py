"""Training as people do it: rows of data in, a checkpoint out; a recipe a task, which `seqcore train` runs."""
