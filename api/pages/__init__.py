"""The pages for people, rendered here and made lively by a little script: a room for each thing that they do."""
