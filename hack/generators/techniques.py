"""The pictures of docs/techniques: what each technique of serving does.

Owns what is in them. How letters become a drawing is in `pictures.py`.
"""

from __future__ import annotations

from generators.pictures import Group, Kind, Picture, drawn

GREEN, AMBER, BLUE, PURPLE = "#0b6e4f", "#e0a526", "#2f6fb0", "#7a4fb0"
TEAL, ROSE, GREY, PALE = "#5aa897", "#c25b6a", "#cbd2d9", "#f1f3f5"
DARK = "#1f2933"

EMPTY = Kind(PALE, "held, and empty")

BATCHING = Picture(
    {
        "a": Kind(GREEN, inside="a"),
        "b": Kind(AMBER, inside="b", ink=DARK),
        "c": Kind(BLUE, inside="c"),
        "d": Kind(PURPLE, inside="d"),
        "e": Kind(TEAL, inside="e", ink=DARK),
        "f": Kind(ROSE, inside="f"),
        ".": Kind(PALE, "nothing to do"),
    },
    (
        Group("One at a time", (("the engine", "aaabbbbbbbccccddeeeeeff"),)),
        Group(
            "Batches that wait for their slowest",
            (("place 1", "aaa....dd..."), ("place 2", "bbbbbbbeeeee"), ("place 3", "cccc...ff...")),
        ),
        Group(
            "Continuous batching",
            (("place 1", "aaaddff "), ("place 2", "bbbbbbb"), ("place 3", "cccceeeee")),
            below="Letters are requests, each as long as its answer. Time goes to the right.",
        ),
    ),
)

PAGES = Picture(
    {
        "a": Kind(GREEN, "tokens of a"),
        "b": Kind(AMBER, "of b"),
        "c": Kind(BLUE, "of c"),
        ".": EMPTY,
        "-": Kind("#ffffff", "free for others"),
    },
    (
        Group(
            "Room for the longest answer, held from the beginning",
            (
                ("request a", "aaaaaaaaaa......................"),
                ("request b", "bbbbb..........................."),
                ("request c", "cccccccccccccccc................"),
            ),
        ),
        Group(
            "Pages of four tokens, held when they are needed",
            (
                ("memory", "aaaa|bbbb|cccc|aaaa|cccc|b...|cccc|aa.."),
                ("", "cccc|----|----|----|----|----|----|----"),
            ),
            below="Only the last page of a request has room in it that stores nothing.",
        ),
    ),
)

PREFIX = Picture(
    {
        "s": Kind(AMBER, "computed", "system prompt", DARK),
        "q": Kind(AMBER, inside="question", ink=DARK),
        "k": Kind(TEAL, "found in the cache", "system prompt", DARK),
        "h": Kind(TEAL, inside="question, answer", ink=DARK),
        "g": Kind(GREEN, "answer", "answer"),
    },
    (
        Group(
            "Three requests, one after the other",
            (
                ("a chat begins", "ssssssssssssssssqqqqqqqgggggg"),
                ("another one begins", "kkkkkkkkkkkkkkkkqqqqqqqgggggg"),
                ("the first goes on", "kkkkkkkkkkkkkkkkhhhhhhhhhhhhhqqqqqqqgggggg"),
            ),
            below="What is found is not computed again; it ends at the first page in which the prompts differ.",
        ),
    ),
)

CHUNKS = Picture(
    {
        "t": Kind(GREEN, "a token of an answer"),
        "P": Kind(AMBER, "part of the new prompt", "whole prompt", DARK),
        "p": Kind(AMBER, inside="chunk", ink=DARK),
        ".": Kind(PALE, "the answer waits"),
    },
    (
        Group(
            "The whole prompt in one step",
            (
                ("answer 1", "t|t|t|........................t|t|t|t"),
                ("answer 2", "t|t|t|........................t|t|t|t"),
                ("new request", "   PPPPPPPPPPPPPPPPPPPPPPPPP|t|t|t"),
            ),
        ),
        Group(
            "In chunks, each beside a token of every answer",
            (
                ("answer 1", "t|t|t|......t|......t|......t|......t|t|t"),
                ("answer 2", "t|t|t|......t|......t|......t|......t|t|t"),
                ("new request", "   ppppppp|ppppppp|ppppppp|ppppppp|t|t"),
            ),
            below="Time goes to the right.",
        ),
    ),
)

SPECULATION = Picture(
    {
        "p": Kind(GREY, "prompt and answer so far", "… the cat sat on the mat … the cat", DARK),
        "1": Kind(AMBER, "guessed", "sat", DARK),
        "2": Kind(AMBER, inside="on", ink=DARK),
        "3": Kind(AMBER, inside="the", ink=DARK),
        "4": Kind(AMBER, inside="mat", ink=DARK),
        "a": Kind(GREEN, "kept", "sat"),
        "b": Kind(GREEN, inside="on"),
        "c": Kind(GREEN, inside="the"),
        "d": Kind(GREEN, inside="rug"),
        "n": Kind(ROSE, "wrong, thrown away", "mat"),
    },
    (
        Group("Without", (("one step", "ppppppppppppppppppppppppaaaa"),)),
        Group(
            "With four guesses, here from what the prompt says after the same words",
            (
                ("guess", "pppppppppppppppppppppppp1111222233334444"),
                ("one step checks all", "ppppppppppppppppppppppppaaaabbbbccccnnnn"),
                ("answer grows by", "                        aaaabbbbccccdddd"),
            ),
            below="The model's own word replaces the first wrong guess: what is answered is what the model says.",
        ),
    ),
)

WEIGHTS = Picture(
    {
        "w": Kind(GREEN, "weights", "weights"),
        "e": Kind(TEAL, "embeddings, left as they are"),
        "1": Kind(AMBER, "KV cache", "46,000 tokens", DARK),
        "2": Kind(AMBER, inside="99,000 tokens", ink=DARK),
        "3": Kind(AMBER, inside="122,000 tokens", ink=DARK),
        "4": Kind(AMBER, inside="198,000 tokens", ink=DARK),
        "r": Kind(GREY, "the rest"),
    },
    (
        Group(
            "24 GB of an accelerator, a model like Llama 3.1 8B",
            (
                ("16 bits", "w" * 28 + "eeee" + "1" * 12 + "rrrr"),
                ("8 bits", "w" * 14 + "eeee" + "2" * 26 + "rrrr"),
                ("4 bits", "w" * 8 + "eeee" + "3" * 32 + "rrrr"),
                ("8 bits, KV in 8 bits", "w" * 14 + "eeee" + "4" * 26 + "rrrr"),
            ),
            below="Reckoned: 7 billion parameters in layers, 1 in embeddings, 128 KiB of KV cache a token.",
        ),
    ),
)

GRAMMAR = Picture(
    {
        "s": Kind(GREY, "answer so far", '{"age":', DARK),
        "S": Kind(GREY, inside='{"age": 4', ink=DARK),
        "T": Kind(GREY, inside='{"age": 42}', ink=DARK),
        "4": Kind(GREEN, "the schema allows it", "4"),
        "2": Kind(GREEN, inside="2"),
        "}": Kind(GREEN, inside="}"),
        "e": Kind(GREEN, inside="end"),
        "x": Kind(PALE, "masked: its probability is zero", '"forty"', DARK),
        "y": Kind(PALE, inside="null", ink=DARK),
        "z": Kind(PALE, inside="about", ink=DARK),
        "u": Kind(PALE, inside=".5", ink=DARK),
        "v": Kind(PALE, inside="years", ink=DARK),
        "w": Kind(PALE, inside="Anything", ink=DARK),
        "q": Kind(PALE, inside="else?", ink=DARK),
    },
    (
        Group(
            "An object with a whole number called age: what may come next",
            (
                ("", "ssssssssssssss  4444|xxxxxx|yyyyyy|zzzzzz"),
                ("", "SSSSSSSSSSSSSS  2222|}}}}|uuuuuu|vvvvvv"),
                ("", "TTTTTTTTTTTTTT  eeee|wwwwwwww|qqqqqq"),
            ),
        ),
    ),
)

RANKS = Picture(
    {
        "a": Kind(GREEN, inside="accelerator 0"),
        "b": Kind(AMBER, inside="accelerator 1", ink=DARK),
    },
    (
        Group(
            "Tensor parallel 2: each layer is cut, and both work on every token",
            (
                ("layer 1", "aaaaaaaaaabbbbbbbbbb"),
                ("layer 2", "aaaaaaaaaabbbbbbbbbb"),
                ("…", "aaaaaaaaaabbbbbbbbbb"),
            ),
        ),
        Group(
            "Pipeline parallel 2: layers are dealt out, and a token passes from one to the other",
            (
                ("first half", "aaaaaaaaaaaaaaaaaaaa"),
                ("second half", "bbbbbbbbbbbbbbbbbbbb"),
            ),
        ),
        Group(
            "Data parallel 2, or two replicas: each has all layers, and requests of its own",
            (("all layers", "aaaaaaaaaa bbbbbbbbbb"),),
        ),
    ),
)

ADAPTERS = Picture(
    {
        "w": Kind(GREEN, "weights of the base model", "base"),
        "x": Kind(AMBER, "adapter support", "S", DARK),
        "y": Kind(PURPLE, "adapter legal", "L"),
    },
    (
        Group(
            "Three engines for three models",
            (
                ("chat", "wwwwwwwwwwwwwwwwwwwwwwww"),
                ("support", "wwwwwwwwwwwwwwwwwwwwwwwwxx"),
                ("legal", "wwwwwwwwwwwwwwwwwwwwwwwwyy"),
            ),
        ),
        Group("One engine with two adapters", (("in memory", "wwwwwwwwwwwwwwwwwwwwwwwwxxyy"),)),
        Group(
            "One batch in it",
            (
                ('"model": "chat"', "wwwwwwwwwwwwwwwwwwwwwwww"),
                ('"model": "support"', "wwwwwwwwwwwwwwwwwwwwwwwwxx"),
                ('"model": "legal"', "wwwwwwwwwwwwwwwwwwwwwwwwyy"),
            ),
        ),
    ),
)

PICTURES = {
    "continuous-batching": BATCHING,
    "paged-attention": PAGES,
    "prefix-caching": PREFIX,
    "chunked-prefill": CHUNKS,
    "speculative-decoding": SPECULATION,
    "quantization": WEIGHTS,
    "structured-output": GRAMMAR,
    "parallelism": RANKS,
    "lora": ADAPTERS,
}


def pictures() -> dict[str, str]:
    """Return the drawing of each technique by its name."""
    return {name: drawn(picture) for name, picture in PICTURES.items()}
