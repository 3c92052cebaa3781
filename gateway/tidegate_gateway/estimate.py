"""How many tokens a request will take, before the engine has counted them.

Owns what is learned of one service: bytes per prompt token and the length of answers. Pure; counting exactly would
need the model's tokenizer on every request, and real usage settles the difference anyway.
"""

from typing import Final

# English prose under the tokenizers of 2024 to 2026; other languages and code are learned within some requests.
FIRST_BYTES_PER_TOKEN: Final = 4.0
FIRST_OUTPUT_TOKENS: Final = 128.0
# Weight of one request in what is learned: half of the memory is gone after about 14.
WEIGHT: Final = 0.05


class Estimate:
    """What one service's requests have taken so far."""

    __slots__ = ("_bytes_per_token", "_output_tokens")

    def __init__(self) -> None:
        self._bytes_per_token = FIRST_BYTES_PER_TOKEN
        self._output_tokens = FIRST_OUTPUT_TOKENS

    def prompt_tokens(self, size: int) -> int:
        """Return the tokens of a prompt of `size` bytes of JSON."""
        return int(size / self._bytes_per_token) + 1

    def output_tokens(self, most: int | None, choices: int) -> int:
        """Return the tokens of an answer of several choices, each of at most so many tokens."""
        usual = int(self._output_tokens) + 1
        return choices * (usual if most is None or most > usual else most)

    def most_output_tokens(self, most: int | None, choices: int) -> int:
        """Return the tokens that an answer may have: as many as its client allows."""
        return choices * (int(self._output_tokens) + 1 if most is None else most)

    def learn(self, prompt_bytes: int, prompt_tokens: int, output_tokens: int) -> None:
        """Take what the engine has counted for one request of one choice."""
        if prompt_tokens > 0 and prompt_bytes > 0:
            self._bytes_per_token += WEIGHT * (prompt_bytes / prompt_tokens - self._bytes_per_token)
        self._output_tokens += WEIGHT * (output_tokens - self._output_tokens)
