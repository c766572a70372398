"""Which files the media store holds, and by which names."""
