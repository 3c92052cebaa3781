"""Asks a model as its user does: with a key, through the gateway, by OpenAI's own client."""

import openai

from e2e.cluster import Namespace, eventually
from e2e.conftest import tenant_key

QUESTION = [{"role": "user", "content": "What is the capital of France? Answer in one sentence."}]


def ask(place: Namespace, gateway: str, model: str) -> str:
    """Ask the model its question as a tenant of the namespace."""
    with tenant_key(place.name, "e2e") as key:
        caller = openai.OpenAI(base_url=f"{gateway}/v1", api_key=key, max_retries=5, timeout=120)

        def answer() -> str | None:
            try:
                said = caller.chat.completions.create(
                    model=model, messages=QUESTION, temperature=0, max_tokens=32
                )
            except (openai.AuthenticationError, openai.NotFoundError):
                return None  # The gateway has not seen the new key yet.
            return said.choices[0].message.content

        return eventually(answer, f"{model} answers", 60)


def known(gateway: str, key: str) -> openai.OpenAI:
    """Return a client that never retries on its own, once the gateway knows its key."""
    made = openai.OpenAI(base_url=f"{gateway}/v1", api_key=key, max_retries=0, timeout=300)

    def is_known() -> bool:
        try:
            return bool(list(made.models.list()))
        except openai.AuthenticationError:
            return False

    eventually(is_known, "the gateway knows the caller and its models", 60)
    return made
