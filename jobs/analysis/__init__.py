"""How long documents are taken apart, what a language model is asked about them, and what of its answer is true."""
