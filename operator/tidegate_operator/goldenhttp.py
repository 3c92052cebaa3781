"""Golden prompts for real: each is asked of one worker, and a pattern is tried in a process that can be stopped.

Owns timeouts and how much of an answer is taken. Must not decide what follows from an answer.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp

from tidegate_operator import podhttp
from tidegate_operator.podanswer import Unreadable
from tidegate_operator.rollout.golden import Prompt, answer_of, objection

# Of one prompt: an engine on a CPU is slow at first.
TIMEOUT: Final = aiohttp.ClientTimeout(total=120, sock_connect=5)
MOST_BYTES: Final = 256 * 1024
MATCH_SECONDS: Final = 5.0
# A pattern may take for ever, and no thread can be stopped: so it is tried apart.
_MATCHER: Final = (
    "import json, re, sys\n"
    "asked = json.load(sys.stdin)\n"
    "sys.exit(0 if re.search(asked['regex'], asked['answer']) else 3)\n"
)
_NO_MATCH: Final = 3


class Golden(Protocol):
    """Workers, as far as golden prompts need them."""

    async def ask(self, address: str, port: int, model: str, prompt: Prompt) -> str | None:
        """Return what is to be said against a worker's answer, None for nothing; raises Unreadable for none."""


@dataclass(frozen=True, slots=True)
class HttpGolden:
    """`Golden` by HTTP."""

    session: aiohttp.ClientSession

    async def ask(self, address: str, port: int, model: str, prompt: Prompt) -> str | None:
        """See Golden."""
        where = podhttp.url(address, port, prompt.path)
        try:
            async with self.session.post(where, json=prompt.body(model)) as found:
                body = await podhttp.whole(found, MOST_BYTES)
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            raise Unreadable(str(error) or "no answer in time") from error
        if found.status != 200:
            return f"{prompt.name!r} was answered with status {found.status}: {(body or b'')[:200]!r}"
        answer = _text(body)
        if answer is None:
            return f"{prompt.name!r} was answered without a text"
        matches = prompt.regex is None or await is_matched(prompt.regex, answer)
        return objection(prompt, answer, matches=matches)


def _text(body: bytes | None) -> str | None:
    try:
        return None if body is None else answer_of(json.loads(body))
    except ValueError:
        return None


async def is_matched(regex: str, answer: str) -> bool:
    """Return whether a pattern is found in an answer; raises Unreadable for one that is none, or takes too long."""
    command = (sys.executable, "-I", "-S", "-c", _MATCHER)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    asked = json.dumps({"regex": regex, "answer": answer}).encode()
    try:
        async with asyncio.timeout(MATCH_SECONDS):
            await process.communicate(asked)
    except TimeoutError:
        raise Unreadable(f"the pattern {regex[:80]!r} takes too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in (0, _NO_MATCH):
        raise Unreadable(f"{regex[:80]!r} is no pattern of Python's re")
    return process.returncode == 0


@asynccontextmanager
async def connect() -> AsyncIterator[HttpGolden]:
    """Return the workers; connections end with the block."""
    async with podhttp.session(TIMEOUT) as session:
        yield HttpGolden(session)
