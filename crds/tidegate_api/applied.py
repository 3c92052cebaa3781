"""How an object is written for server-side apply, which is read as YAML.

Owns where JSON is no YAML. Must not send anything.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

# With a parameter, which the API server cuts off: clients write the bare type's body themselves, as JSON in ASCII.
CONTENT_TYPE: Final = "application/apply-patch+yaml; charset=utf-8"
# What YAML takes for the end of a line, or for nothing that may be in a text (YAML 1.2, §5.1 and §5.4).
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def as_yaml(manifest: Mapping[str, Any]) -> str:
    r"""Return an object as JSON that is YAML too.

    JSON in ASCII has pairs of surrogates for what is beyond 16 bits, such as an emoji, and YAML knows no surrogates.
    """
    written = json.dumps(manifest, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", written)
