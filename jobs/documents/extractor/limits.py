"""How large may a document be?"""

LARGEST_FILE = 50 * 1024 * 1024
MOST_PAGES = 2000
# what has no pages of its own is given some of about this length
PAGE_CHARACTERS = 3000
# of all pages together; the pages of a PDF may be of any length
MOST_CHARACTERS = 12_000_000

# what a DOCX, which is an archive, may hold
MOST_PARTS = 5_000
LARGEST_UNPACKED = 400 * 1024 * 1024
# below this size it does not matter how well it was packed
UNPACKED_UNSUSPICIOUS = 20 * 1024 * 1024
HIGHEST_RATIO = 100
