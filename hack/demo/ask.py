"""Asks the demo's model its question through the gateway, whole and streaming, as any OpenAI client would."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse

from demo.clusters import program
from demo.install import SERVICE, SYSTEM
from localcluster.errors import ClusterError
from localcluster.report import step

QUESTION = "What is the capital of France? Answer in one sentence."


@contextmanager
def gateway() -> Iterator[str]:
    """Yield the gateway's address on this machine, by kubectl port-forward."""
    words = [program("kubectl"), "port-forward", "-n", SYSTEM, "service/tidegate-gateway", ":80"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as forward:
        try:
            line = forward.stdout.readline() if forward.stdout else ""
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            if not found:
                raise ClusterError(
                    f"kubectl port-forward did not start: {line}", "is the gateway's Pod running?"
                )
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            forward.terminate()


def ask_both_ways(key: str) -> None:
    """Print the answer, then the same once more token by token."""
    with gateway() as url:
        with step("ask: " + QUESTION):
            answer = json.loads(_post(url, key, stream=False).read())
        print(f"\n    {answer['choices'][0]['message']['content'].strip()}\n", flush=True)
        with step("ask again, streaming"):
            print("\n    ", end="", flush=True)
            for text in _tokens(_post(url, key, stream=True)):
                print(text, end="", flush=True)
            print("\n", flush=True)


def _tokens(answer: HTTPResponse) -> Iterator[str]:
    for line in answer:
        data = line.decode().strip().removeprefix("data: ")
        if data and data != "[DONE]":
            event = json.loads(data)
            if "error" in event:
                raise ClusterError(f"the stream broke: {event['error']}")
            yield from (choice["delta"].get("content") or "" for choice in event["choices"])


def _post(url: str, key: str, *, stream: bool) -> HTTPResponse:
    """Send the question; for some seconds a new key may still be unknown to the gateway."""
    body = {"model": SERVICE, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
    data = json.dumps({**body, "max_tokens": 48, "stream": stream}).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", data, headers)
    deadline = time.monotonic() + 20
    while True:
        try:
            answer: HTTPResponse = urllib.request.urlopen(request, timeout=120)
            return answer
        except urllib.error.HTTPError as error:
            if error.code not in {401, 404, 503} or time.monotonic() > deadline:
                said = error.read().decode(errors="replace")
                raise ClusterError(f"the gateway answered {error.code}: {said}") from error
            time.sleep(0.5)


def next_commands(key: str, kubeconfig: str, kubectl: str) -> str:
    """Return the commands to try next, ready to be pasted."""
    body = '{"model": "chat", "messages": [{"role": "user", "content": "Name three rivers of France."}]}'
    return f"""Try next (the first line once per shell):
  export KUBECONFIG={kubeconfig}; alias kubectl={kubectl}
  kubectl -n tidegate-demo describe llmsvc chat
  kubectl -n {SYSTEM} port-forward svc/tidegate-gateway 8080:80 &
  curl -s localhost:8080/v1/chat/completions -H 'authorization: Bearer {key}' \\
       -H 'content-type: application/json' -d '{body}'
  kubectl -n tidegate-demo scale llmsvc chat --replicas=2; kubectl -n tidegate-demo get llmsvc -w
"""


def main_screen(key: str, kubeconfig: str, service_line: str) -> None:
    """Print the last screen of the demo."""
    sys.stdout.write(f"{service_line}\n\n{next_commands(key, kubeconfig, program('kubectl'))}")
