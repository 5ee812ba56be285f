"""What is damaged, how, and what is then asked of it."""

# ruff: noqa: E501 (tables of odd values read better in long lines)

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import random
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import command_lines
from damage import DEEP, Damage, Dice, header, mutate, no_file, octets, values, words, write_json
from other_models import FAMILIES, TOKENIZERS, save_others

from corrie.errors import InputError

World = dict[str, Path]
Probe = Callable[[Path], dict[str, Any]]
QUESTIONS = (("abc def:", (" a1", " b2")), ("", ("the end of it all",)), ("hgf", (" x", " yy", " zzz")))


@dataclass(frozen=True)
class Subject:
    """A kind of input.

    good      a folder that holds a good one; each case damages a copy
    damages   (share, file names or patterns, damage)
    probe     reads the copy and returns ``id`` and ``numbers``
    share     how many of all cases
    exact     whether the same identity must give the same numbers
    """

    name: str
    good: str
    damages: tuple[tuple[float, tuple[str, ...], Damage], ...]
    probe: Probe
    share: float
    exact: bool = True

    def damage(self, folder: Path, dice: Dice) -> str:
        """Damage a copy; says what was done."""
        _, names, way = dice.choices(self.damages, [d[0] for d in self.damages])[0]
        files = sorted(f for name in names for f in folder.glob(name))
        return way(dice.choice(files), dice)


# ── what is asked ──


def speak(model: Any) -> list[float]:
    """Log-likelihoods, the text that is written, and a question through the chat template."""
    from corrie.models.reading import Question

    reader = model.reader()
    readings = reader.read([Question(c, t) for c, t in QUESTIONS])
    numbers = [float(r.log_likelihood) for row in readings for r in row]
    written = reader.write(["abc", "hello there"], 4)
    if reader.has_chat_template:
        chat = reader.read([Question(reader.chat("What?"), (" a",), templated=True)])
        numbers += [float(r.log_likelihood) for row in chat for r in row]
    return [*numbers, *(float(zlib.crc32(w.text.encode("utf-8", "surrogatepass"))) for w in written)]


def checkpoint(folder: Path) -> dict[str, Any]:
    from corrie.models.load import load

    model = load(folder)
    said = model.identity.model_dump(mode="json")
    said = {k: v for k, v in said.items() if k not in ("name", "notes")}
    return {"id": said, "numbers": speak(model), "huge": huge(folder)}


def huge(folder: Path) -> bool:
    """Whether the files hold finite weights with which any sum may overflow, and none that is not finite."""
    from safetensors.torch import load_file

    largest = [float(t.abs().max()) for f in folder.glob("*.safetensors") for t in load_file(f).values() if t.numel()]
    return max(largest, default=0.0) > 1e30 and all(map(math.isfinite, largest))


def gguf_file(folder: Path) -> dict[str, Any]:
    from corrie.models.load import load

    os.environ["CORRIE_CACHE"] = str(folder / "cache")
    model = load(folder / "toy.gguf")
    said = model.identity.model_dump(mode="json")
    return {"id": {k: v for k, v in said.items() if k not in ("name", "notes")}, "numbers": speak(model)}


def adapter(folder: Path) -> dict[str, Any]:
    from corrie.models.directions import find_directions
    from corrie.records.direction import Named
    from corrie.records.point import Point
    from corrie.testing.toy_models import toy_model
    from corrie.weights.perturbed import perturbed

    model = toy_model()
    (direction,) = find_directions(model, [Named(kind="adapter", place=str(folder))])
    with perturbed(model, Point.along(direction, 1.0)):
        return {"id": direction.id, "numbers": speak(model), "huge": huge(folder)}


def tuned(folder: Path) -> dict[str, Any]:
    """A damaged checkpoint as the end of a path."""
    from corrie.models.directions import find_directions
    from corrie.records.direction import Named
    from corrie.records.point import Point
    from corrie.testing.toy_models import toy_model
    from corrie.weights.perturbed import perturbed

    model = toy_model(seed=1)
    (direction,) = find_directions(model, [Named(kind="toward", place=str(folder))])
    with perturbed(model, Point.along(direction, 1.0)):
        return {"id": direction.id, "numbers": speak(model), "huge": huge(folder)}


def task_file(folder: Path) -> dict[str, Any]:
    from corrie.capabilities.registry import tasks
    from corrie.testing.toy_models import toy_model

    found = tasks(*(str(f) for f in sorted(folder.glob("*.jsonl"))))
    model = toy_model()
    numbers = []
    for task in found:
        for outcome in task.score(model.reader(), 0, 5):
            numbers += [-1.0 if outcome.success is None else outcome.success, outcome.loss or 0.0]
    return {"id": [t.identity.id for t in found], "numbers": numbers}


_other: list[Path] = []
"""A whole run, beside which a damaged one is compared."""


def run_folder(folder: Path) -> dict[str, Any]:
    """Every face of a run folder; each may refuse, and then the next is asked all the same."""
    asked = [
        ["show", str(folder), "--json"], ["show", str(folder)], ["report", str(folder), "--out", str(folder / "r.html")],
        ["report", str(folder), "--together", "--figure", str(folder / "r.svg")], ["export", str(folder), "--out", str(folder / "r.csv")],
        ["compare", str(folder), str(_other[-1])],
    ]  # fmt: skip
    asked += [["verify", str(file)] for file in sorted(folder.glob("certificate-*"))]
    refused = None
    for line in asked:
        try:
            command_lines.call(line)
        except InputError as problem:
            refused = refused or problem
    if refused is not None:
        raise refused
    return {"id": "every face", "numbers": []}


def certificate(folder: Path) -> dict[str, Any]:
    from corrie.analysis.verification import verify

    for file in sorted(folder.glob("certificate-*")):
        found = verify(file)
        return {"id": "certificate", "numbers": [float(zlib.crc32(str(found.certificate).encode()))]}
    command_lines.call(["show", str(folder)])
    return {"id": "none", "numbers": []}


# ── damage of their own ──


def rows(file: Path, dice: random.Random) -> str:
    """A value in a run's database, the digest of a cell made to fit."""
    with sqlite3.connect(file) as database:
        tables = ["identity", "task", "card", "point", "spec", "cell", "cell", "cell"]
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'claim'").fetchone():
            tables.append("claim")
        table = dice.choice(tables)
        place = dice.choice(database.execute(f"SELECT rowid FROM {table}").fetchall())[0] if table != "card" else None
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        column = "payload" if table == "cell" and dice.random() < 0.7 else dice.choice(columns)
        where, key = ("rowid = ?", (place,)) if place is not None else ("position = ?", (dice.randrange(10),))
        (old,) = database.execute(f"SELECT {column} FROM {table} WHERE {where}", key).fetchone()
        new: Any
        if column == "payload":
            outcomes, what = mutate(json.loads(zlib.decompress(old)), dice)
            new = zlib.compress(write_json(outcomes).encode("utf-8", "surrogatepass"))
            if dice.random() < 0.1:
                new, what = dice.choice(
                    [(b"", "empty"), (new[:-3], "cut"), (bomb(), "unpacks to 6 GB"), (b"x" * 90, "no zlib")]
                )
            digest = hashlib.sha256(new).hexdigest()
            database.execute(f"UPDATE cell SET payload = ?, digest = ? WHERE {where}", (new, digest, *key))
            return f"cell: {what}"
        if isinstance(old, str) and old.startswith(("{", "[")) and dice.random() < 0.8:
            changed, what = mutate(json.loads(old), dice)
            new = write_json(changed)
        else:
            new = dice.choice([None, -1, 0, 2**62, 1.5, "", "x", b"\x00\xff", "x" * 100_000])
            what = str(new)[:20]
        try:
            database.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (new, *key))
        except (sqlite3.IntegrityError, UnicodeEncodeError):
            database.execute(f"DELETE FROM {table} WHERE {where}", key)
            what = "row removed"
    return f"{table}.{column}: {what}"


_bombs: list[bytes] = []


def resealed(file: Path, dice: random.Random) -> str:
    """A value of a statement, its hash made to fit."""
    from corrie.records.canonical import canonical_json, content_hash

    changed, what = mutate(json.loads(file.read_text("utf-8")), dice)
    with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
        if "digest" in changed:
            changed["digest"] = content_hash({k: v for k, v in changed.items() if k != "digest"})
        if "hash" in changed:
            changed["hash"] = content_hash(changed["certificate"])
    try:
        text = canonical_json(changed) + "\n"
    except ValueError:
        text = write_json(changed)
    file.write_text(text.replace(f'"{DEEP}"', "[" * 20_000 + "]" * 20_000), "utf-8")
    return f"{file.name}: {what}, resealed"


def bomb() -> bytes:
    """A few megabytes of zlib that unpack to 6 GB."""
    if not _bombs:
        packer = zlib.compressobj(9)
        packer.compress(b"")
        block = packer.compress(bytes(2**26)) + packer.flush(zlib.Z_FULL_FLUSH)
        again = packer.compress(bytes(2**26)) + packer.flush(zlib.Z_FULL_FLUSH)
        _bombs.append(block + again * 95)
    return _bombs[0]


def template(file: Path, dice: random.Random) -> str:
    """A chat template that is broken, hostile, or other."""
    text = dice.choice(TEMPLATES)
    file.write_text(text, "utf-8")
    return f"{file.name}: {text[:80]}"


TEMPLATES = (
    "{% for m in messages %}{{ m.content }}", "{{ messages[5].content }}", "{{ 1/0 }}", "{{ raise_exception('no') }}", "", " ",
    "{{ 9 ** 9 ** 9 }}", "{% for i in range(10**9) %}x{% endfor %}", "{{ 'x' * 10**10 }}", "{{ range(10**9) | list | length }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{{ i }}{% endfor %}{% endfor %}", "{{ messages.__class__.__mro__ }}",
    "{{ ''.__class__.__base__.__subclasses__() }}", "{% include 'x' %}", "{% import 'os' as os %}", "{{ cycler.__init__.__globals__ }}",
    "{{ strftime_now('%Y-%m-%d %H:%M:%S') }}{{ messages[0].content }}", "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "{{ 'a' | center(10**10) }}", "{{ messages | tojson(indent=10**9) }}", "{{ '%0999999999d' % 1 }}", "{{ undefined.x.y }}",
    "{{ ('a' * 10**6) | replace('a', 'b' * 10**5) }}", "{% set x = namespace(a=[1]) %}{% for i in range(60) %}{% set x.a = x.a + x.a %}{% endfor %}",
    "{{ messages[0].role == 'system' and 1 }}{{ bos_token }}{{ eos_token }}", "{{ tools[0] }}", "\x00{{ messages[0].content }}",
    "{% if messages[0].role != 'system' %}{{ raise_exception('system first') }}{% endif %}", "{{ '\ud7ff' }}", "{% raw %}", "{{ '{:>9999999999}'.format(1) }}",
    "{{ messages[0].content | wordwrap(0) }}", "{{ [1] * 10**10 }}", "{{ 2 ** 10**8 }}", "{{ namespace }}", "{{ messages }}", "{% generation %}x",
    "{{ lipsum(n=10**6) }}", "{{ messages[0].content }}{{ range(10) | random }}", "{{ 'x' ~ 'y' * 10**9 }}", "{{ joiner.__doc__ }}",
)  # fmt: skip


def line(file: Path, dice: Dice) -> str:
    """A command line with something odd, kept in the file that the probe reads."""
    world = {k: Path(v) for k, v in json.loads(file.read_text("utf-8")).items()}
    spoken, what = command_lines.odd_line({**world, "scratch": file.parent}, dice.number)
    file.write_text(json.dumps(spoken), "utf-8")
    return f"{spoken[0]} {what}"


def command_line(folder: Path) -> dict[str, Any]:
    os.chdir(folder)
    os.environ["CORRIE_CACHE"] = str(folder / "cache")
    return command_lines.call(json.loads((folder / "line.json").read_text("utf-8")))


# ── good ones ──


def make_world(root: Path) -> World:
    """Good inputs of every kind, made once."""
    import numpy as np
    import torch
    from safetensors.torch import save_file

    import corrie
    from corrie.testing.toy_models import byte_tokenizer, save_toy, toy_model, toy_module
    from corrie.testing.toy_tasks import save_toy_task

    names = (
        "toy",
        "tuned",
        "shards",
        "adapter",
        "core",
        "gguf",
        "tasks",
        "run",
        "kept",
        "certificate",
        "lines",
        "template",
    )
    world = {name: root / name for name in names}
    for folder in (folder for name, folder in world.items() if name != "core"):
        folder.mkdir(parents=True, exist_ok=True)
    save_toy(world["toy"])
    save_toy(world["template"])
    (world["template"] / "chat_template.jinja").touch()
    module: Any = toy_module()
    module.save_pretrained(world["shards"], max_shard_size="40KB")
    byte_tokenizer().save_pretrained(world["shards"])
    world |= save_others(root)
    torch.manual_seed(0)
    tensors = {}
    for layer in range(2):
        for name, rows_ in (("q_proj", 32), ("v_proj", 16)):
            at = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            tensors[f"{at}.lora_A.weight"] = torch.randn(2, 32)
            tensors[f"{at}.lora_B.weight"] = torch.randn(rows_, 2) * 0.1
    save_file(tensors, world["adapter"] / "adapter_model.safetensors")
    said = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "v_proj"],
        "bias": "none", "fan_in_fan_out": False, "use_rslora": False, "use_dora": False, "rank_pattern": {},
        "alpha_pattern": {}, "modules_to_save": None, "layers_to_transform": None, "inference_mode": True,
        "base_model_name_or_path": "toy", "lora_dropout": 0.0, "init_lora_weights": True, "layers_pattern": None,
    }  # fmt: skip
    (world["adapter"] / "adapter_config.json").write_text(json.dumps(said))
    save_toy_task(world["tasks"] / "letters.jsonl", toy_model(), size=12)
    (world["tasks"] / "text.jsonl").write_text(
        "".join(
            json.dumps({"id": f"t{i}", "prompt": f"{i} and {i} is", "answer": str(2 * i), "check": "number"}) + "\n"
            for i in range(6)
        )
    )
    _gguf(world["gguf"] / "toy.gguf", module, np)
    save_toy(world["tuned"])
    moved: Any = toy_module()
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.mul_(1.002)
    moved.save_pretrained(world["tuned"])
    corrie.smoothed(toy_model(), ("core:all:1", 0.01)).save(world["core"], seed=1)
    save_toy_task(root / "many.jsonl", toy_model(), size=60)
    task, many, kept = f"{world['tasks'] / 'letters.jsonl'}:10", f"{root / 'many.jsonl'}:40", world["kept"]
    for spoken in (
        ["scan", world["toy"], "-t", task, "--direction", "gaussian:0-1", "--alpha", "0:0.3:3", "--to", kept],
        ["certify", world["toy"], "-t", task, "--subspace", "adapter:q_proj:1", "--sigma", "0.05", "--draws", "60", "--to", kept],
        ["generalise", world["toy"], world["core"], "-t", many, "--subspace", "core:all:1", "--sigma", "0.01", "--draws", "40", "--confidence", "0.9", "--to", kept],
        ["inputs", world["toy"], "-t", task, "--draws", "6", "--selection", "2", "--to", kept],
        ["diff", world["toy"], world["tuned"], "-t", task, "--directions", "0", "--to", kept],
        ["retract", world["toy"], world["tuned"], "-t", f"{root / 'many.jsonl'}:20", "--out", root / "retracted", "--to", kept],
        ["worst", world["toy"], "-t", task, "--distance", "0.5", "--steps", "1", "--out", kept / "worst" / "one.safetensors"],
        ["certify", world["toy"], "-t", task, "--subspace", "adapter:q_proj:1", "--sigma", "0.05", "--draws", "60", "--to", root / "good"],
        ["scan", world["toy"], "-t", task, "--direction", "gaussian:0-1", "--alpha", "0:0.3:3", "--to", world["run"]],
        ["plane", world["toy"], "-t", task, "--alpha", "0:0.2:2", "--to", world["run"]],
        ["fraction", world["toy"], "-t", task, "--sigma", "0.05", "--at-least", "0.2", "--confidence", "0.6", "--to", world["run"]],
        ["certify", world["toy"], "-t", task, "--sigma", "0.1", "--draws", "30", "--selection-draws", "5", "--to", root / "certified"],
    ):  # fmt: skip
        with contextlib.suppress(InputError):  # a claim that does not hold is a good record, too
            command_lines.call([str(word) for word in spoken])
    for file in (root / "certified").glob("*.json"):
        shutil.copy(file, world["certificate"])
    _other.append(root / "other")
    shutil.copytree(world["run"], _other[-1])
    earlier = Path(__file__).parents[2] / "data" / "runs" / "26fb81b" / "inputs"
    shutil.copytree(earlier, kept, dirs_exist_ok=True)  # draws on inputs in logs, as the version before kept them
    for kind in (
        "certificate-*",
        "outcomes-*",
        "generalisation-*",
        "inputs-*",
        "draws-*",
        "diffs/*",
        "retractions/*",
        "worst/*",
    ):
        if not any(kept.glob(kind)):
            raise RuntimeError(f"no {kind} in the run folder that is to be damaged")
    world["many"], world["good"] = root / "many.jsonl", next((root / "good").glob("certificate-*"))
    lines = {
        **{k: str(world[k]) for k in ("toy", "tuned", "core", "run", "kept", "adapter", "many", "good")},
        "task": str(world["tasks"] / "letters.jsonl"),
    }
    lines["certificate"] = str(next(world["certificate"].glob("certificate-*")))
    (world["lines"] / "line.json").write_text(json.dumps(lines))
    return world


def _gguf(file: Path, module: Any, np: Any) -> None:
    import gguf

    from corrie.testing.toy_models import byte_tokenizer

    config, writer = module.config, gguf.GGUFWriter(str(file), "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    tokenizer = byte_tokenizer()
    names = [tokenizer.convert_ids_to_tokens(i) or f"<unused{i}>" for i in range(config.vocab_size)]
    names[-1] = "ab"
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(names)
    writer.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * (config.vocab_size - 256))
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(256)
    inner = {
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }  # fmt: skip
    outer = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    for name, parameter in module.named_parameters():
        numbers = parameter.detach().numpy().copy()
        if name in outer:
            writer.add_tensor(outer[name], numbers)
            continue
        _, _, layer, rest = name.split(".", 3)
        kind = inner[rest.removesuffix(".weight")]
        if kind in ("attn_q", "attn_k"):  # llama.cpp's order of rotated pairs
            heads = config.num_attention_heads if kind == "attn_q" else config.num_key_value_heads
            n, width = numbers.shape
            numbers = numbers.reshape(heads, 2, n // heads // 2, width).swapaxes(1, 2).reshape(n, width)
        writer.add_tensor(f"blk.{layer}.{kind}.weight", np.ascontiguousarray(numbers))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


WEIGHTS = "model*.safetensors"
SIDE = ("tokenizer_config.json", "generation_config.json", "special_tokens_map.json")
KEPT = ("certificate-*", "outcomes-*", "generalisation-*", "inputs-*", "diffs/*", "retractions/*")
SUBJECTS = (
    Subject("config", "toy", ((8, ("config.json",), values), (2, ("config.json",), octets)), checkpoint, 0.15),
    Subject("tokenizer", "toy", ((8, ("tokenizer.json",), values), (2, ("tokenizer.json",), octets)), checkpoint, 0.12),
    Subject("side files", "toy", ((8, SIDE, values), (2, SIDE, octets), (2, ("*",), no_file)), checkpoint, 0.1),
    Subject("templates", "template", ((1, ("chat_template.jinja",), template),), checkpoint, 0.04),
    Subject("weights", "toy", ((5, (WEIGHTS,), header), (3, (WEIGHTS,), octets), (2, (WEIGHTS,), words)), checkpoint, 0.1),
    Subject("shards", "shards", ((6, ("*.index.json",), values), (2, ("*.index.json",), octets), (2, (WEIGHTS,), header), (1, (WEIGHTS, "*.index.json"), no_file)), checkpoint, 0.05),
    Subject("fine-tunes", "toy", ((6, ("config.json",), values), (3, (WEIGHTS,), header), (1, (WEIGHTS,), octets)), tuned, 0.06),
    Subject("adapters", "adapter", ((6, ("adapter_config.json",), values), (1, ("*.json",), octets), (3, ("*.safetensors",), header), (1, ("*.safetensors",), octets), (1, ("*",), no_file)), adapter, 0.1),
    Subject("GGUF", "gguf", ((5, ("toy.gguf",), octets), (5, ("toy.gguf",), words)), gguf_file, 0.06),
    *(Subject(f"config of {f}", f, ((9, ("config.json",), values), (1, (WEIGHTS,), header)), checkpoint, 0.02) for f in FAMILIES),
    *(Subject(f"{t} tokenizer", t, ((9, ("tokenizer.json",), values), (1, ("tokenizer.json",), octets)), checkpoint, 0.03) for t in TOKENIZERS),
    Subject("task files", "tasks", ((7, ("*.jsonl",), values), (2, ("*.jsonl",), octets), (1, ("*.jsonl",), no_file)), task_file, 0.1),
    Subject("certificates", "certificate", ((6, ("*.json",), values), (3, ("*.json",), octets), (1, ("*.json",), no_file)), certificate, 0.05),
    Subject("run folders", "run", ((8, ("run.db",), rows), (3, ("run.db",), octets), (1, ("run.db",), no_file)), run_folder, 0.12, exact=False),
    Subject("kept statements", "kept", ((5, KEPT, values), (2, KEPT, resealed), (3, (*KEPT, "draws-*"), octets), (2, (*KEPT, "draws-*", "worst/*", "run.db"), no_file), (1, ("draws-*",), values), (1, ("worst/*",), header), (3, ("run.db",), rows)), run_folder, 0.1, exact=False),
    Subject("command lines", "lines", ((1, ("line.json",), line),), command_line, 0.3, exact=False),
)  # fmt: skip
