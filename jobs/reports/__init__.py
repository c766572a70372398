"""Reports of comparisons: one content in four formats, made from what is stored."""
