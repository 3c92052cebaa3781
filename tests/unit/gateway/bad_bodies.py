"""Bodies that must be refused: what is wrong, where it is sent, and what the client is told. Used on sockets too."""

import json
from dataclasses import dataclass
from typing import Any, Final

CHAT: Final = "/v1/chat/completions"
COMPLETIONS: Final = "/v1/completions"
EMBEDDINGS: Final = "/v1/embeddings"
TOKENIZE: Final = "/tokenize"
DETOKENIZE: Final = "/detokenize"
USER: Final = {"role": "user", "content": "?"}
NESTED: Final = {"type": "object", "properties": {"a": {"type": "string"}}}


@dataclass(frozen=True)
class Bad:
    """A body and its refusal; `says` is a part of the message."""

    name: str
    body: bytes
    code: str
    param: str | None
    says: str = ""
    path: str = CHAT

    def __str__(self) -> str:
        return self.name


def dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def chat(**fields: Any) -> bytes:
    return dump({"model": "m", "messages": [USER]} | fields)


def field(
    name: str, key: str, raw: str, code: str, says: str, *, param: str | None = None, path: str = CHAT
) -> Bad:
    """Return a body that is good but for one member, given as JSON."""
    member = b'"%b":%b' % (key.encode(), raw.encode())
    start = {
        CHAT: b'{"model":"m","messages":[{"role":"user","content":"?"}],',
        COMPLETIONS: b'{"model":"m","prompt":"?",',
        EMBEDDINGS: b'{"model":"m","input":"?",',
        TOKENIZE: b'{"model":"m","prompt":"?",',
        DETOKENIZE: b'{"model":"m","tokens":[1],',
    }[path]
    return Bad(name, start + member + b"}", code, param or key, says, path)


def alone(path: str, name: str, body: dict[str, Any], code: str, *param: str) -> Bad:
    """Return a body as it is; the parameter, and perhaps a part of the message."""
    where, *says = param
    return Bad(name, dump({"model": "m"} | body), code, where, "".join(says), path)


def said(name: str, message: Any, code: str, param: str, says: str = "") -> Bad:
    """Return a chat whose second message is bad."""
    return alone(CHAT, name, {"messages": [USER, message]}, code, f"messages[1]{param}", says)


def part(name: str, content_part: Any, code: str, param: str, says: str = "") -> Bad:
    """Return a chat of which one part is bad."""
    parts = [{"type": "text", "text": "look"}, content_part]
    return said(name, {"role": "user", "content": parts}, code, f".content[1]{param}", says)


def nested(levels: int, inner: str = "1") -> str:
    return "[" * levels + inner + "]" * levels


def objects(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


JSON_ROWS: Final = [
    Bad("nothing", b"", "invalid_json", None, "ends too early (at byte 0)"),
    Bad("a space", b" ", "invalid_json", None, "ends too early (at byte 1)"),
    Bad("cut off", b'{"model":"m"', "invalid_json", None, "ends too early (at byte 12)"),
    Bad("cut off in a text", b'{"model":"m', "invalid_json", None, "ends too early (at byte 11)"),
    Bad("cut off in a word", b'{"model":tru', "invalid_json", None, "ends too early (at byte 12)"),
    Bad("a misspelled word", b'{"model":tru}', "invalid_json", None, "(at byte 10)"),
    Bad("null", b"null", "invalid_json", None, "must be an object"),
    Bad("a list", b"[]", "invalid_json", None, "must be an object"),
    Bad("a text", b'"model"', "invalid_json", None, "must be an object"),
    Bad("a number", b"7", "invalid_json", None, "must be an object"),
    Bad("two objects", b'{"model":"m"}{"model":"m"}', "invalid_json", None, "trailing characters"),
    Bad("text behind it", b'{"model":"m"} x', "invalid_json", None, "trailing characters"),
    Bad("a comma too many", b'{"model":"m",}', "invalid_json", None, "(at byte 13)"),
    Bad("a comma too few", b'{"model":"m" "n":1}', "invalid_json", None, "(at byte 13)"),
    Bad("single quotes", b"{'model':'m'}", "invalid_json", None, "(at byte 1)"),
    Bad("a comment", b'{"model":"m"/* */}', "invalid_json", None, "(at byte 12)"),
    Bad("a key that is no text", b'{1:"m"}', "invalid_json", None, "(at byte 1)"),
    Bad("a raw NUL in a text", b'{"model":"m\x00"}', "invalid_json", None, "(at byte 11)"),
    Bad("a raw NUL outside", b'{"model":"m"\x00}', "invalid_json", None, "(at byte 12)"),
    Bad("a NUL at the end", b'{"model":"m"}\x00', "invalid_json", None, "trailing characters"),
    Bad("a raw line feed in a text", b'{"model":"m\n"}', "invalid_json", None, "(at byte 11)"),
    Bad("half a pair at the end", b'{"model":"m","a":"\\ud800"}', "invalid_json", None, "half of a pair (at byte 18"),
    Bad("half of a pair in front", b'{"a":"\\ud800 and so on","model":"m"}', "invalid_json", None, "(at byte "),
    Bad("the other half", b'{"a":"\\udc00","model":"m"}', "invalid_json", None, "(at byte "),
    Bad("half of a pair in a key", b'{"\\ud800":1,"model":"m"}', "invalid_json", None, "(at byte "),
    Bad("not UTF-8", b'{"model":"m","a":"\xff"}', "invalid_json", None, "not UTF-8 (at byte 18)"),
    Bad("an overlong slash", b'{"model":"\xc0\xaf"}', "invalid_json", None, "not UTF-8 (at byte 10)"),
    Bad("a surrogate in UTF-8", b'{"model":"\xed\xa0\x80"}', "invalid_json", None, "not UTF-8 (at byte 10)"),
    Bad("a byte order mark", b'\xef\xbb\xbf{"model":"m"}', "invalid_json", None, "(at byte 0)"),
    Bad("UTF-16", '{"model":"m"}'.encode("utf-16"), "invalid_json", None, "not UTF-8 (at byte 0)"),
    Bad("a wrong escape", b'{"model":"\\x41"}', "invalid_json", None, "(at byte 11)"),
    Bad("NaN", b'{"model":"m","temperature":NaN}', "invalid_json", None, "(at byte 27)"),
    Bad("Infinity", b'{"model":"m","temperature":Infinity}', "invalid_json", None, "(at byte 27)"),
    Bad("minus infinity", b'{"model":"m","temperature":-Infinity}', "invalid_json", None, "(at byte 28)"),
    Bad("a leading zero", b'{"model":"m","n":01}', "invalid_json", None, "(at byte 18)"),
    Bad("a plus sign", b'{"model":"m","n":+1}', "invalid_json", None, "(at byte 17)"),
    Bad("hexadecimal", b'{"model":"m","n":0x1}', "invalid_json", None, "(at byte 18)"),
    Bad("a key twice", b'{"model":"m","model":"m"}', "invalid_json", None, "twice"),
    Bad("a key twice, far apart", b'{"n":1,"model":"m","messages":[],"n":2}', "invalid_json", None, "twice"),
    Bad("a hidden second key", b'{"model":"m","a":1 ,  "\\u0061":2}', "invalid_json", None, "twice"),
    Bad("a second key that is empty", b'{"":1,"model":"m","":2}', "invalid_json", None, "twice"),
    Bad("a second key in UTF-8", '{"é":1,"model":"m","\\u00e9":2}'.encode(), "invalid_json", None, "twice"),
    Bad("a second priority", b'{"priority":1,"model":"m","priority":2}', "invalid_json", None, "twice"),
    Bad("as deep as a stack", b'{"model":"m","a":' + nested(100_000).encode() + b"}", "invalid_json", None, "deep"),
    Bad("deep and cut off", b'{"model":"m","a":' + b"[" * 100_000, "invalid_json", None, "deep"),
    field("lists of 32 levels", "a", nested(32), "invalid_json", "deeper than 32 levels"),
    field("objects of 32 levels", "a", objects(32), "invalid_json", "deeper than 32 levels"),
    field("levels behind quoted brackets", "a", nested(32, r'"]]]\"]]]\\"'), "invalid_json", "deeper than 32"),
    field("levels in logit_bias", "logit_bias", objects(32), "param_out_of_range", "an object of at most 1024 numbers"),
    field("levels in chat_template_kwargs", "chat_template_kwargs", objects(32), "invalid_json", "deeper than 32"),
    Bad("levels in a message", chat(messages=[USER | {"a": json.loads(nested(30))}]), "invalid_json", "messages[0].a"),
    Bad(
        "levels in a part",
        chat(messages=[{"role": "user", "content": [{"a": json.loads(nested(28))}]}]),
        "invalid_json",
        "messages[0].content[0].a",
    ),
]  # fmt: skip

MODEL_ROWS: Final = [
    alone(CHAT, "no model", {"model": None}, "invalid_type", "model", "must be a string"),
    Bad(
        "no model at all",
        b'{"messages":[{"role":"user","content":"?"}]}',
        "missing_required_parameter",
        "model",
    ),
    Bad("no model, no prompt", b"{}", "missing_required_parameter", "model"),
    alone(CHAT, "a number as model", {"model": 7, "messages": [USER]}, "invalid_type", "model"),
    alone(CHAT, "a list as model", {"model": ["m"], "messages": [USER]}, "invalid_type", "model"),
]
# These names are looked up first: they are refused because there is no such model.
NAME_ROWS: Final = [
    alone(path, f"the model {name!r:.30}", {"model": name, **rest}, "invalid_model_name", "model", "those match")
    for path, rest in ((CHAT, {"messages": [USER]}), (EMBEDDINGS, {"input": "?"}))
    for name in (
        "../../etc/passwd", "%2e%2e", "a\0b", "a\u200fb", "a" * 10_000, "", " m", "m ", "m\n", "/m", "m/", "é",
        "-m", "m?x", "m#x", "m;x", "m\\x", "<m>", "m'", "$(m)",
    )
]  # fmt: skip

OUT: Final = "param_out_of_range"
UNSUPPORTED: Final = "unsupported_parameter"


def bounds(key: str, *raws: str, says: str) -> list[Bad]:
    return [field(f"{key} of {raw:.24}", key, raw, OUT, says) for raw in raws]


PARAMETER_ROWS: Final = [
    *bounds("n", "1000000000", "0", "-1", "17", "1.5", "17.0", "true", '"2"', "[1]", "{}", says="from 1 to 16"),
    *bounds("best_of", "0", "17", says="from 1 to 16"),
    *bounds("max_tokens", "-1", "2147483648", "1e300", '"all"', "false", says="from 0 to 2147483647"),
    *bounds("max_completion_tokens", "-1", "99999999999999999999", says="from 0 to 2147483647"),
    *bounds("min_tokens", "-1", "1.5", says="from 0"),
    *bounds("temperature", "1e308", "1e999", "-0.1", '"hot"', "[]", says="from 0 to 100"),
    *bounds("top_p", "-0.1", "1.1", '"1"', says="from 0 to 1"),
    *bounds("min_p", "-1", "2", says="from 0 to 1"),
    *bounds("top_k", "-2", "2147483648", "0.5", says="from -1"),
    *bounds("presence_penalty", "-2.1", "2.1", says="from -2 to 2"),
    *bounds("frequency_penalty", "-3", "1e9", says="from -2 to 2"),
    *bounds("repetition_penalty", "-1", "101", says="from 0 to 100"),
    *bounds("length_penalty", "1e30", says="from -100 to 100"),
    *bounds("top_logprobs", "1000000", "-1", "1.5", "true", says="from 0 to 1000"),
    *bounds("logprobs", "1001", "-1", '"yes"', says="true, false or an integer"),
    *bounds("prompt_logprobs", "-1", "1001", says="from 0 to 1000"),
    *bounds("seed", "9223372036854775808", "-9223372036854775809", "0.5", says="an integer"),
    *bounds("dimensions", "0", "-1", says="from 1"),
    *bounds("truncate_prompt_tokens", "-2", says="from -1"),
    *bounds("thinking_token_budget", "-2", says="from -1"),
    *bounds("stream_interval", "0", says="from 1"),
    *bounds("stream", '"yes"', "1", "[]", says="true or false"),
    *bounds("stop", "7", "[1]", "{}", json.dumps(["a"] * 65), json.dumps(["a" * 70_000]), says="at most 64 strings"),
    *bounds("bad_words", '"a"', json.dumps(["a"] * 1025), says="at most 1024 strings"),
    *bounds("logit_bias", "[]", '{"1":"x"}', json.dumps({str(i): 1 for i in range(1025)}), says="1024 numbers"),
    *bounds("stream_options", "true", "[]", '"x"', says="an object"),
    *bounds("cache_salt", '""', "7", json.dumps("x" * 1025), says="1 to 1024 characters"),
    *bounds("chat_template_kwargs", "[]", "7", says="an object"),
    *bounds("vllm_xargs", "[]", says="an object"),
    Bad(
        "include_usage as text",
        chat(stream=True, stream_options={"include_usage": "yes"}),
        OUT,
        "stream_options.include_usage",
        "true or false",
    ),
    Bad(
        "continuous_usage_stats as a number",
        chat(stream=True, stream_options={"continuous_usage_stats": 1}),
        OUT,
        "stream_options.continuous_usage_stats",
    ),
    *(
        field(key, key, raw, UNSUPPORTED, "leave it out")
        for key, raw in (
            ("prompt_embeds", '"x"'), ("prompt_embeds", "null"), ("trust_remote_code", "true"),
            ("chat_template", '"{{x}}"'), ("kv_transfer_params", "{}"), ("ec_transfer_params", "{}"),
            ("mm_processor_kwargs", '{"size":{"shortest_edge":1000000000}}'),
            ("media_io_kwargs", '{"video":{"num_frames":1000000000}}'),
        )
    ),
    field("an escaped chat_template", "chat\\u005ftemplate", '"x"', UNSUPPORTED, "leave it out", param="chat_template"),
    field("prompt_embeds of a completion", "prompt_embeds", '"x"', UNSUPPORTED, "leave", path=COMPLETIONS),
    field(
        "a template among its arguments",
        "chat_template_kwargs", '{"chat_template":"{{x}}"}', UNSUPPORTED, "leave",
        param="chat_template_kwargs.chat_template",
    ),
    field(
        "a transfer among extras",
        "vllm_xargs", '{"kv_transfer_params":"x"}', UNSUPPORTED, "leave", param="vllm_xargs.kv_transfer_params",
    ),
    *(
        field(key, key, '"x"', UNSUPPORTED, "use 'structured_outputs'")
        for key in ("guided_json", "guided_regex", "guided_choice", "guided_grammar", "guided_decoding_backend")
    ),
]  # fmt: skip

SCHEMA: Final = "invalid_schema"
SCHEMA_ROWS: Final = [
    field("tools as an object", "tools", "{}", "invalid_type", "an array or null"),
    field("a response format of a word", "response_format", '"json"', "invalid_type", "an object or null"),
    field("structured outputs of false", "structured_outputs", "false", "invalid_type", "an object or null"),
    Bad("tools of 17 levels", chat(tools=json.loads(nested(17))), SCHEMA, "tools", "16 levels"),
    Bad("tools of 65 KiB", chat(tools=[{"function": {"name": "x" * 66_000}}]), SCHEMA, "tools", "64 KiB"),
    Bad("a schema of 17 levels", chat(response_format=json.loads(objects(17))), SCHEMA, "response_format"),
    Bad("a schema of a mebibyte", chat(response_format={"x": "y" * 2**20}), SCHEMA, "response_format"),
    Bad("an endless regex", chat(structured_outputs={"regex": "(a+)+" * 20_000}), SCHEMA, "structured_outputs"),
    Bad(
        "a deep structured output",
        chat(structured_outputs={"json": json.loads(objects(16))}),
        SCHEMA,
        "structured_outputs",
    ),
    Bad(
        "a wide schema",
        chat(response_format={"type": "json_schema", "json_schema": {f"p{i}": NESTED for i in range(2000)}}),
        SCHEMA,
        "response_format",
    ),
]  # fmt: skip

WRONG: Final = "invalid_type"
VALUE: Final = "invalid_value"
MISSING: Final = "missing_required_parameter"
MESSAGE_ROWS: Final = [
    alone(CHAT, "no messages", {}, MISSING, "messages"),
    alone(CHAT, "empty messages", {"messages": []}, VALUE, "messages", "at least one"),
    alone(CHAT, "messages of null", {"messages": None}, WRONG, "messages"),
    alone(CHAT, "messages as text", {"messages": "hello"}, WRONG, "messages"),
    alone(CHAT, "messages as an object", {"messages": USER}, WRONG, "messages"),
    alone(CHAT, "messages as a number", {"messages": 7}, WRONG, "messages"),
    alone(CHAT, "messages of texts", {"messages": ["hello"]}, WRONG, "messages[0]"),
    alone(CHAT, "messages within messages", {"messages": [[USER]]}, WRONG, "messages[0]"),
    said("a message of null", None, WRONG, ""),
    said("a message without a role", {"content": "?"}, MISSING, ".role"),
    said("an empty message", {}, MISSING, ".role"),
    said("an unknown role", {"role": "root", "content": "?"}, VALUE, ".role", "assistant, developer"),
    said("a role in capitals", {"role": "User", "content": "?"}, VALUE, ".role"),
    said("a role of null", {"role": None, "content": "?"}, WRONG, ".role"),
    said("a role of a number", {"role": 1, "content": "?"}, WRONG, ".role"),
    said("content of a number", {"role": "user", "content": 7}, WRONG, ".content", "a text or a list"),
    said("content of an object", {"role": "user", "content": {"text": "?"}}, WRONG, ".content"),
    said("content of true", {"role": "user", "content": True}, WRONG, ".content"),
    said("content of numbers", {"role": "user", "content": [1]}, WRONG, ".content[0]"),
    said("content of null parts", {"role": "user", "content": [None]}, WRONG, ".content[0]"),
    alone(CHAT, "too many messages", {"messages": [USER] * 9000}, OUT, "messages", "more than 8192"),
    alone(COMPLETIONS, "no prompt", {}, MISSING, "prompt"),
    alone(COMPLETIONS, "messages in place of a prompt", {"messages": [USER]}, MISSING, "prompt"),
    *(
        alone(COMPLETIONS, f"a prompt of {prompt!r:.20}", {"prompt": prompt}, WRONG, "prompt")
        for prompt in (None, 7, True, {}, [], [None], [{}], [True], [[[1]]], [[1], [[2]]])
    ),
    alone(COMPLETIONS, "texts and a number", {"prompt": ["a", 1]}, WRONG, "prompt[1]"),
    alone(COMPLETIONS, "texts and a list", {"prompt": ["a", ["b"]]}, WRONG, "prompt[1]"),
    alone(COMPLETIONS, "too many prompts", {"prompt": ["a"] * 257}, OUT, "prompt", "more than 256"),
    alone(COMPLETIONS, "too many prompts of ids", {"prompt": [[1, 2]] * 257}, OUT, "prompt", "more than 256"),
    alone(EMBEDDINGS, "no input", {}, MISSING, "input"),
    alone(EMBEDDINGS, "an input of null", {"input": None}, WRONG, "input"),
    alone(EMBEDDINGS, "an input of nothing", {"input": []}, WRONG, "input"),
    alone(EMBEDDINGS, "an input of true", {"input": [True]}, WRONG, "input"),
    alone(EMBEDDINGS, "too many inputs", {"input": ["a"] * 2049}, OUT, "input", "more than 2048"),
    alone(EMBEDDINGS, "too many inputs of ids", {"input": [[1]] * 2049}, OUT, "input", "more than 2048"),
    alone(EMBEDDINGS, "an unknown role in an input", {"input": [{"role": "x"}]}, VALUE, "input[0].role"),
    alone(EMBEDDINGS, "empty messages of an embedding", {"messages": []}, VALUE, "messages"),
    alone(EMBEDDINGS, "an empty conversation", {"messages": [[USER], []]}, VALUE, "messages[1]"),
    alone(TOKENIZE, "nothing to tokenize", {}, MISSING, "prompt"),
    alone(TOKENIZE, "several texts to tokenize", {"prompt": ["a", "b"]}, WRONG, "prompt"),
    alone(TOKENIZE, "empty messages to tokenize", {"messages": []}, VALUE, "messages"),
    alone(DETOKENIZE, "nothing to detokenize", {}, MISSING, "tokens"),
    alone(DETOKENIZE, "a text to detokenize", {"tokens": "abc"}, WRONG, "tokens"),
    alone(DETOKENIZE, "texts to detokenize", {"tokens": ["a"]}, WRONG, "tokens"),
    alone(DETOKENIZE, "no tokens to detokenize", {"tokens": []}, WRONG, "tokens"),
]  # fmt: skip

NOT_ALLOWED: Final = "url_not_allowed"
URLS: Final = (
    "http://169.254.169.254/latest/meta-data", "https://example.com/a.png", "file:///etc/passwd", "http://[::1]/",
    "http://0x7f.1/", "http://a\\@b/", "//example.com/a.png", "ftp://example.com/a", "gopher://a", " data:image/png,",
    "DATA:image/png;base64,AA", "dAta:", "", "/etc/passwd", "data\t:image/png,", "javascript:1", "http://data:1@a/",
    "blob:x", "\x00data:", "s3://bucket/key",
)  # fmt: skip
URL_ROWS: Final = [
    *(
        part(f"an image from {url!r:.30}", {"type": "image_url", "image_url": {"url": url}}, NOT_ALLOWED, ".image_url")
        for url in URLS
    ),
    part("an image named by a text", {"type": "image_url", "image_url": URLS[0]}, NOT_ALLOWED, ".image_url"),
    part("an image without a type", {"image_url": {"url": URLS[0]}}, NOT_ALLOWED, ".image_url"),
    part("an image of another type", {"type": "text", "image_url": {"url": URLS[0]}}, NOT_ALLOWED, ".image_url"),
    part("a sound from afar", {"type": "audio_url", "audio_url": {"url": URLS[1]}}, NOT_ALLOWED, ".audio_url"),
    part("an image of a number", {"type": "image_url", "image_url": 7}, WRONG, ".image_url"),
    part("a URL of a number", {"type": "image_url", "image_url": {"url": 7}}, WRONG, ".image_url.url"),
    part("a video", {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA"}}, UNSUPPORTED, ".video_url"),
    part("embeds of a prompt", {"type": "prompt_embeds", "prompt_embeds": "x"}, UNSUPPORTED, ".prompt_embeds"),
    part("embeds of an image", {"type": "image_embeds", "image_embeds": {}}, UNSUPPORTED, ".image_embeds"),
    part("embeds of nothing", {"type": "audio_embeds", "audio_embeds": None}, UNSUPPORTED, ".audio_embeds"),
    # Whose data is in a member of another name
    part("embeds of a prompt by their type", {"type": "prompt_embeds", "data": "gAN9"}, UNSUPPORTED, ".type"),
    part("an image as a pickle", {"type": "image_pil", "data": "gAN9"}, UNSUPPORTED, ".type"),
    part("an image by its type", {"type": "image_pil", "image_pil": "gAN9"}, UNSUPPORTED, ".image_pil"),
    Bad(
        "embeds whose type is escaped",
        rb'{"model":"m","messages":[{"role":"user","content":[{"type":"prompt\u005fembeds","data":"gAN9"}]}]}',
        UNSUPPORTED,
        "messages[0].content[0].type",
    ),
    # The picture of whoever has sent one by this name
    part("an image by its name", {"type": "image_url", "image_url": None, "uuid": "x"}, UNSUPPORTED, ".uuid"),
    part("a name for an image", {"image_url": {"url": "data:,"}, "uuid": "x"}, UNSUPPORTED, ".uuid"),
    Bad(
        "an image whose key is escaped",
        rb'{"model":"m","messages":[{"role":"user","content":[{"image\u005furl":{"\u0075rl":"http://a"}}]}]}',
        NOT_ALLOWED,
        "messages[0].content[0].image_url",
    ),
    Bad(
        "an image whose content is escaped",
        rb'{"model":"m","messages":[{"role":"user","c\u006fntent":[{"image_url":"http://a"}]}]}',
        NOT_ALLOWED,
        "messages[0].content[0].image_url",
    ),
    Bad(
        "an image behind a long text",
        chat(messages=[{"role": "user", "content": "x" * 50_000}, {"role": "user", "content": [{"image_url": "http://a"}]}]),
        NOT_ALLOWED,
        "messages[1].content[0].image_url",
    ),
    Bad(
        "an image behind another one",
        rb'{"model":"m","messages":[{"role":"user","content":[{"image_url":"data:,","image_url":"http://a"}]}]}',
        NOT_ALLOWED,
        "messages[0].content[0].image_url",
    ),
    alone(EMBEDDINGS, "an image to embed", {"input": [{"role": "user", "content": [{"image_url": "http://a"}]}]},
        NOT_ALLOWED, "input[0].content[0].image_url",
    ),
    alone(EMBEDDINGS, "an image in one of several inputs",
        {"input": [[USER], [{"role": "user", "content": [{"image_url": "http://a"}]}]]},
        NOT_ALLOWED, "input[1][0].content[0].image_url",
    ),
    alone(EMBEDDINGS, "an image in one of several conversations",
        {"messages": [[USER], [{"role": "user", "content": [{"image_url": "http://a"}]}]]},
        NOT_ALLOWED, "messages[1][0].content[0].image_url",
    ),
    alone(TOKENIZE, "an image to tokenize", {"messages": [{"role": "user", "content": [{"image_url": "http://a"}]}]},
        NOT_ALLOWED, "messages[0].content[0].image_url",
    ),
]  # fmt: skip

BAD_BODIES: Final = [
    *JSON_ROWS, *MODEL_ROWS, *PARAMETER_ROWS, *SCHEMA_ROWS, *MESSAGE_ROWS, *URL_ROWS,
]  # fmt: skip
