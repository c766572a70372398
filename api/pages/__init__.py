"""/analyses: the pages for people who compare documents, rendered here and made lively by a little script."""
