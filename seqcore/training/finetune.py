"""What was here is in `seqcore.training` and `seqcore.training.fit`; the old names go with the next release."""

from seqcore.deprecation import renamed

__getattr__ = renamed(__name__, {"fit": "seqcore.training.fit.fit", "Fitted": "seqcore.training.fit.FitResult"})
