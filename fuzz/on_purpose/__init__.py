"""What bugs on purpose share: an edit of the source, turned on here or in tests; who notices."""
