"""Editing of label maps: declared operations, sparse steps that can be undone, scripts that can be replayed."""
