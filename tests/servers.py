"""How a test ends the servers of an event loop of its own, before it closes the loop."""

import asyncio

from aiohttp import web


async def end(*runners: web.AppRunner) -> None:
    """Close servers for good, with whatever still runs in the loop.

    A closed transport takes leave in a later turn of the loop; without one it warns when it is collected, in some other
    test.
    """
    for runner in runners:
        await runner.cleanup()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.sleep(0.05)
