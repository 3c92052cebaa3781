"""The options of `tidegate deploy`, in words.

Owns their help and bounds. Must not know what becomes of them.
"""

from typing import Annotated, Final

import typer

_SPEC: Final = "Service"

Source = Annotated[
    str,
    typer.Argument(
        metavar="URI|FILE",
        help="The model (hf://ORG/NAME, pvc://CLAIM/PATH, oci://IMAGE, s3://…), or a YAML file with LLMServices; - "
        "reads standard input.",
    ),
]
Name = Annotated[str | None, typer.Option(help="Name. Default: made from the URI.", rich_help_panel=_SPEC)]
ModelName = Annotated[
    str | None,
    typer.Option(help="The `model` that clients send. Default: the name.", rich_help_panel=_SPEC),
]
Revision = Annotated[
    str | None, typer.Option(help="Branch, tag or commit of a model of a hub.", rich_help_panel=_SPEC)
]
TokenSecret = Annotated[
    str | None,
    typer.Option(metavar="NAME[/KEY]", help="Secret with a token, for a gated model.", rich_help_panel=_SPEC),
]
Profile = Annotated[
    str | None,
    typer.Option(help="Resource profile and count, such as nvidia-l4:1.", rich_help_panel=_SPEC),
]
Replicas = Annotated[int | None, typer.Option(min=0, help="Workers.", rich_help_panel=_SPEC)]
MinReplicas = Annotated[
    int | None,
    typer.Option(min=0, help="Fewest workers, where they follow the load.", rich_help_panel=_SPEC),
]
MaxReplicas = Annotated[
    int | None,
    typer.Option(min=1, help="Most workers, where they follow the load.", rich_help_panel=_SPEC),
]
MaxModelLen = Annotated[
    int | None,
    typer.Option(min=1, help="Longest prompt plus answer, in tokens.", rich_help_panel=_SPEC),
]
Quantization = Annotated[str | None, typer.Option(help="Weight format, such as fp8.", rich_help_panel=_SPEC)]
Preset = Annotated[
    str | None,
    typer.Option(help="What the engine is to be good at, such as Interactive.", rich_help_panel=_SPEC),
]
Wait = Annotated[bool, typer.Option("--wait", help="Follow it, from the download to where it answers.")]
Timeout = Annotated[int, typer.Option(min=1, help="Seconds to wait.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Let the API server check it, and print it; nothing is kept.")
]
ForceConflicts = Annotated[
    bool, typer.Option("--force-conflicts", help="Take fields over that others have set.")
]
