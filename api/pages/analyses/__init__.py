"""Pages for those who compare documents: the list, a new analysis, one analysis with its report."""
