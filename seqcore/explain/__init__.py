"""Looking inside: what of an input made a network say what it says, what its gates do, how far its gradients reach."""

from seqcore.explain.attribution import integrated_gradients
from seqcore.explain.gates import GateTrace, recorded_gates, trace_gates
from seqcore.explain.gradients import GradientFlow, clipped_norm, gradient_flow

__all__ = [
    "GateTrace",
    "GradientFlow",
    "clipped_norm",
    "gradient_flow",
    "integrated_gradients",
    "recorded_gates",
    "trace_gates",
]
