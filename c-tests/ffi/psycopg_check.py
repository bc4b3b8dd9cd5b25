"""psycopg's pool with a `check` that raises an error for a connection whose server asks to disconnect. Runs each line
of its input as a query.
"""

import logging
import sys

from psycopg_pool import ConnectionPool, PoolTimeout

from facts import tell_library

sys.path.append(sys.argv[1])
from pool_psycopg import close_if_asked  # noqa: E402

logging.getLogger("psycopg").setLevel(logging.CRITICAL)
with ConnectionPool("", min_size=2, max_size=2, check=close_if_asked, timeout=2) as pool:
    for line in sys.stdin:
        try:
            with pool.connection() as conn:
                print(conn.execute(line).fetchone()[0], flush=True)
        except PoolTimeout as e:
            print(e, flush=True)
tell_library()
