"""AngioTwin: research software, not for diagnostic use."""

__version__ = "0.1.0"
NOT_FOR_DIAGNOSIS = "Research software - not for diagnostic use"
