"""`tidegate keys`: API keys of a tenant, made, listed and revoked with the user's own Kubernetes rights.

Owns the commands and their words. Must not keep a key anywhere: it is printed once.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from tidegate_api.keys import new_key
from tidegate_cli.expiry import expiry
from tidegate_cli.listing import lines
from tidegate_cli.shell.completion import tenant_names
from tidegate_cli.shell.options import Namespace, on_cluster
from tidegate_cli.shell.output import Format, Output, example, print_done, print_json, print_lines
from tidegate_cli.tenants import Tenant, Tenants, connect
from tidegate_models import Invalid, Missing, tenantkeys
from tidegate_models.tenantkeys import key_entry

app = typer.Typer(
    help="API keys: create prints a key once; only its SHA-256 is stored.", no_args_is_help=True
)
TenantName = Annotated[str, typer.Argument(help="Name of the LLMTenant.", autocompletion=tenant_names)]


@app.command(
    epilog=example(
        "tidegate keys create team-a --class high",
        "export TIDEGATE_API_KEY=$(tidegate keys create team-a --name laptop --expires 30d)",
    )
)
@on_cluster
def create(
    tenant: TenantName,
    *,
    namespace: Namespace = None,
    name: Annotated[str, typer.Option(help="Name of the key within the tenant.")] = "default",
    qos_class: Annotated[
        str | None, typer.Option("--class", help="high, medium or low. A new tenant without it is medium.")
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            "--not-after",
            help="When the key is no longer accepted: 30d (m, h, d or w from now) or 2027-01-31T00:00:00Z. Default: "
            "never.",
        ),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Make a key, add it to the tenant (which is created if absent) and print it: this once and never again."""
    key = new_key()
    entry = key_entry(name, key, _end(expires))
    tenants = connect(namespace)
    tenants.change(tenant, lambda found: with_key(found, tenant, entry, qos_class))
    if output is Format.JSON:
        print_json({"namespace": tenants.namespace, "tenant": tenant, "name": name, "key": key})
        return
    typer.echo(f"Key {name!r} of LLMTenant {tenants.namespace}/{tenant}; it is shown only now:", err=True)
    typer.echo(key)


@app.command("list", epilog=example("tidegate keys list team-a"))
@on_cluster
def list_keys(tenant: TenantName, namespace: Namespace = None, output: Output = Format.TEXT) -> None:
    """List a tenant's keys, with their ends and digests, below its class, limits and usage."""
    found = connect(namespace).read(tenant)
    if output is Format.JSON:
        print_json({"spec": found.get("spec") or {}, "status": found.get("status") or {}})
    else:
        print_lines(lines(found, datetime.now(UTC)))


@app.command(epilog=example("tidegate keys revoke team-a laptop"))
@on_cluster
def revoke(
    tenant: TenantName,
    name: Annotated[str, typer.Argument(help="Name of the key.")],
    namespace: Namespace = None,
    output: Output = Format.TEXT,
) -> None:
    """Remove a key: the gateway refuses it as soon as it sees the change."""
    tenants: Tenants = connect(namespace)
    tenants.change(tenant, lambda found: without_key(found, tenant, name))
    print_done(
        output,
        f"Key {name!r} of LLMTenant {tenants.namespace}/{tenant} is revoked.",
        {"namespace": tenants.namespace, "tenant": tenant, "name": name, "revoked": True},
    )


def _end(text: str | None) -> datetime | None:
    try:
        return expiry(text, datetime.now(UTC)) if text is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--expires") from error


def with_key(found: Tenant | None, tenant: str, entry: dict[str, str], qos_class: str | None) -> Tenant:
    """Return the tenant with one more key; a name in use is a wrong parameter."""
    try:
        return tenantkeys.with_key(found, tenant, entry, qos_class)
    except Invalid as error:
        raise typer.BadParameter(str(error)) from error


def without_key(found: Tenant | None, tenant: str, name: str) -> Tenant:
    """Return the tenant without the key of that name; one that is not there is a wrong parameter."""
    try:
        return tenantkeys.without_key(found, tenant, name)
    except Missing as error:
        raise typer.BadParameter(str(error)) from error
