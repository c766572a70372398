"""Events as pages and as streams, and what ends a stream."""
