"""asyncpg's pool: a connection whose server asks to disconnect is closed at check-in or, if idle, within a second.

asyncpg speaks the protocol itself, without libpq: it works with pg_goaway, and with goaway-proxy --parameter-status.

It runs each line of its input as a query. The environment variables PGHOST etc. select the server.
"""

import asyncio
import sys

import asyncpg


async def close_if_asked(conn):
    """As `reset`, the pool calls this at check-in; it replaces a connection that is closed."""
    if getattr(conn.get_settings(), "disconnect_requested", "off") == "on":
        await conn.close()
    else:
        await conn.reset()


async def visit_idle_connections(pool):
    """Takes all idle connections out and puts them back, which runs the check-in."""
    while True:
        await asyncio.sleep(1)
        for conn in [await pool.acquire() for _ in range(pool.get_idle_size())]:
            await pool.release(conn)


async def main():
    async with asyncpg.create_pool(min_size=2, max_size=4, reset=close_if_asked) as pool:
        visitor = asyncio.create_task(visit_idle_connections(pool))
        while line := await asyncio.to_thread(sys.stdin.readline):
            async with pool.acquire() as conn:
                print(await conn.fetchval(line), f"(server process {conn.get_server_pid()})", flush=True)
        visitor.cancel()


asyncio.run(main())
