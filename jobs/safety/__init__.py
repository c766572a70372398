"""Content rules: what is never made, who may see what, and what happens to those who keep asking."""
