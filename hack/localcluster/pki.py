"""Certificates and keys of one control plane, made with the openssl command.

Owns who is called what (users and groups that Kubernetes derives from a certificate). Starts nothing.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import ClusterError

VALID_DAYS = "3650"


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """The one certificate authority of a control plane, and the directory it issues into."""

    folder: Path

    @property
    def pair(self) -> Pair:
        return self._pair("ca")

    @property
    def service_account_key(self) -> Path:
        return self.folder / "service-account.key"

    @property
    def service_account_public_key(self) -> Path:
        return self.folder / "service-account.pub"

    def _pair(self, name: str) -> Pair:
        return Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")

    def create(self) -> None:
        """Make the authority and the key that signs ServiceAccount tokens, once."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.service_account_public_key.exists():
            return
        _openssl_request(self.pair, request_config("tidegate-local", (), ()), ())
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-out", str(self.service_account_key))  # fmt: skip
        _openssl("pkey", "-in", str(self.service_account_key), "-pubout",
                 "-out", str(self.service_account_public_key))  # fmt: skip

    def issue(self, name: str, user: str, groups: Sequence[str] = (), hosts: Sequence[str] = ()) -> Pair:
        """A certificate for a client (user, groups) and, with hosts, for a server of these names."""
        pair = self._pair(name)
        if not pair.cert.exists():
            config = request_config(user, groups, hosts, authority=False)
            signer = ("-CA", str(self.pair.cert), "-CAkey", str(self.pair.key))
            _openssl_request(pair, config, signer)
        return pair

    def kubeconfig(self, file: Path, server: str, pair: Pair) -> Path:
        """Write a kubeconfig with everything inside, so that it can be copied."""
        text = json.dumps(kubeconfig(server, self.pair.cert, pair), indent=2)
        file.touch(mode=0o600)
        file.write_text(text + "\n")
        return file


def request_config(user: str, groups: Sequence[str], hosts: Sequence[str], *, authority: bool = True) -> str:
    """The openssl configuration of one certificate."""
    subject = [f"{number}.O={group}" for number, group in enumerate(groups)]
    purpose = (
        ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"]
        if authority
        else ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth,serverAuth"]
    )
    names = [f"{'IP' if host[-1].isdigit() else 'DNS'}:{host}" for host in hosts]
    if names:
        purpose.append("subjectAltName=" + ",".join(names))
    lines = ["[req]", "prompt=no", "distinguished_name=subject", "x509_extensions=purpose"]
    return "\n".join([*lines, "[subject]", *subject, f"CN={user}", "[purpose]", *purpose]) + "\n"


def kubeconfig(server: str, ca: Path, pair: Pair) -> dict[str, object]:
    cluster = {"server": server, "certificate-authority-data": _inline(ca)}
    user = {"client-certificate-data": _inline(pair.cert), "client-key-data": _inline(pair.key)}
    name = "tidegate-local"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def _inline(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _openssl_request(pair: Pair, config: str, signer: Sequence[str]) -> None:
    file = pair.cert.with_suffix(".cnf")
    file.write_text(config)
    _openssl("req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
             "-days", VALID_DAYS, "-config", str(file), *signer,
             "-keyout", str(pair.key), "-out", str(pair.cert))  # fmt: skip


def _openssl(*arguments: str) -> None:
    try:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise ClusterError("the openssl command is missing", "apt-get install openssl") from error
    except subprocess.CalledProcessError as error:
        raise ClusterError(f"openssl {arguments[0]} failed: {error.stderr.strip()[-500:]}") from error
