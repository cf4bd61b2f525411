"""Goldens of checkpoints as PyTorch writes them.

    python tests/golden/torch_files.py        writes tests/data/torch/

expected.safetensors has every tensor of kinds.*.bin, contiguous. kinds.zip-N.bin are archives of
pickle protocol N, kinds.legacy-N.bin the format before PyTorch 1.6, kinds.plain.bin has no tensor
that is not contiguous. gpt2.bin is tests/data/models/gpt2 with its head sharing the embedding's
memory, as transformers saved it; checkpoint.pt wraps it as a training script does; llama-rs.bin is
an adapter of tests/data/adapters. The others are files that are to be refused.
"""

import collections
import pathlib
import pickle

import numpy
import torch
from safetensors.torch import load_file, save_file

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
OUT = DATA / "torch"


def kinds():
    """name: tensor, of every type and layout."""
    torch.manual_seed(7)
    random = torch.randn(6, 8)
    types = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32)
    types += (torch.int16, torch.int8, torch.uint8, torch.bool)
    out = collections.OrderedDict()
    for dtype in types:
        out[f"type.{str(dtype)[6:]}"] = (random * 30).to(dtype)
    out["shared.whole"] = random
    out["shared.part"] = random[2:4]
    out["shared.again"] = random
    out["empty"] = torch.zeros(0, 4)
    out["scalar"] = torch.tensor(2.5)
    out["parameter"] = torch.nn.Parameter(torch.randn(3, 2))
    out["注意力"] = torch.arange(3.0)
    plain = collections.OrderedDict(out)
    out["transposed"] = random.t()
    out["column"] = random[:, 3]
    out["steps"] = random[::2, 1::3]
    out["expanded"] = torch.arange(4.0).expand(3, 4)
    out["turned"] = torch.randn(2, 3, 4).permute(2, 0, 1)
    return plain, out


class Opener:
    def __reduce__(self):
        return (print, ("called",))


def main():
    OUT.mkdir(exist_ok=True)
    plain, all_kinds = kinds()
    save_file(
        {name: one.detach().contiguous().clone() for name, one in all_kinds.items()},
        OUT / "expected.safetensors",
    )
    for protocol in (2, 3, 4, 5):
        torch.save(all_kinds, OUT / f"kinds.zip-{protocol}.bin", pickle_protocol=protocol)
    for protocol in (2, 4):
        torch.save(
            all_kinds,
            OUT / f"kinds.legacy-{protocol}.bin",
            pickle_protocol=protocol,
            _use_new_zipfile_serialization=False,
        )
    torch.save(plain, OUT / "kinds.plain.bin")

    weights = load_file(DATA / "models" / "gpt2" / "model.safetensors")
    prefix = "" if "wte.weight" in weights else "transformer."
    state = collections.OrderedDict(sorted(weights.items()))
    state["lm_head.weight"] = state[prefix + "wte.weight"]
    state._metadata = {"": {"version": 1}}
    torch.save(state, OUT / "gpt2.bin")
    torch.save(
        {
            "model": {"_orig_mod." + name: one for name, one in state.items()},
            "model_args": {"n_layer": 2, "dropout": 0.0, "bias": True, "name": "小"},
            "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": []},
            "best": numpy.float64(1.5),
        },
        OUT / "checkpoint.pt",
    )
    adapter = load_file(DATA / "adapters" / "llama-rs" / "adapter_model.safetensors")
    torch.save(adapter, OUT / "llama-rs.bin")
    torch.save({"a": torch.zeros(1), "b": Opener()}, OUT / "calls.bin")
    torch.save(torch.nn.Linear(2, 2), OUT / "object.bin")
    torch.save(torch.zeros(2), OUT / "nameless.bin")
    torch.save({"one": {"a": torch.zeros(1)}, "two": {"a": torch.ones(1)}}, OUT / "several.bin")
    torch.save({"a": torch.zeros(2, dtype=torch.complex64)}, OUT / "complex.bin")
    (OUT / "plain.pkl").write_bytes(pickle.dumps({"a": [1, 2]}, protocol=2))
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), OUT / "script.pt")


if __name__ == "__main__":
    main()
