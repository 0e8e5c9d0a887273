"""Views of one result file."""
