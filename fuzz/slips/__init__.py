"""One slip for each rule of the store: an edit of the code that the rule must not survive."""
