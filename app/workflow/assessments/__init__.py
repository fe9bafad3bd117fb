"""Assessments of a case, one file each; see :mod:`app.workflow.assessments.frame`."""
