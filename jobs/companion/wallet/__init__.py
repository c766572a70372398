"""What people pay with, for what, and how they get more of it."""
