"""The techniques that are measured, in the order in which they are told."""

from typing import Final

from tidegate_bench.techniques.batching import BATCHING
from tidegate_bench.techniques.chunks import CHUNKS
from tidegate_bench.techniques.prefix import PREFIX
from tidegate_bench.techniques.speculation import SPECULATION
from tidegate_bench.techniques.technique import Technique
from tidegate_bench.techniques.waste import WASTE

TECHNIQUES: Final[tuple[Technique, ...]] = (BATCHING, WASTE, PREFIX, CHUNKS, SPECULATION)
