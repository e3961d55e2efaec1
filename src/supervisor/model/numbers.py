"""How large the numbers are that users choose, on the command line and in Python."""

LARGEST_NUMBER = 2**31 - 1  # what an integer column of Postgres takes
MAX_WORKERS = 1024  # each is a process, a thread and a row
