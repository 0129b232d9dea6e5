"""What must be set before torch is imported: a program that imports this first shares the cores with its neighbours."""

from seqcore.runtime.threads import wait_briefly

wait_briefly()
