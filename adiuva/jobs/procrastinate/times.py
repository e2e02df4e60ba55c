"""What a worker waits for, in seconds, and which of it has to be shorter than which."""

HEARTBEAT = 10.0
STALE = 30.0  # without a heartbeat a worker counts as dead
SWEEP = 15.0  # between two looks for the jobs of dead workers
POLL = 5.0  # for jobs that are to be tried again; of new ones PostgreSQL tells

# To running jobs when the worker is to end. Less than STALE, because a worker that is stopping says no more that it
# lives; with GIVE_BACK less than compose and systemd wait.
GRACE = 25.0
GIVE_BACK = 3.0

# The longest wait for a connection. A worker that stops without a database waits for three: less than GRACE.
CONNECT = 5.0
LONGEST_PAUSE = 10.0  # between two tries to reach a database that is away
