"""How often is a kind tried after temporary errors? By what is lost when it is given up."""

# what somebody asked for, or without which a whole branch is lost
CRITICAL = 4
# what the rest goes on without, and what a retry of the whole makes later
OTHER = 2
# money and erasure: nobody would ask again
DUTY = 20
