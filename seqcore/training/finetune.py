"""What was here is in `seqcore.training` and `seqcore.training.fitting`; the old names go with the next release."""

from seqcore.deprecation import renamed

__getattr__ = renamed(__name__, {"fit": "seqcore.training.fitting.fit", "Fitted": "seqcore.training.fitting.FitResult"})
