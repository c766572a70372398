"""Other designs, built small, to measure ours beside them."""
